# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for netcap(1): options come from netcap -h, types and fields from the program, too.

function __netcap_types
    set -l head (commandline -ct | string match -r '^.*,' )
    for t in (netcap -encoders 2>/dev/null | string split ' ' -n)
        echo "$head$t"
    end
end

function __netcap_fields
    set -l words (commandline -opc)
    set -l at (contains -i -- -r $words); or return
    set -l head (commandline -ct | string match -r '^.*,' )
    for f in (netcap -r $words[(math $at + 1)] -fields 2>/dev/null | string split ',' -n)
        echo "$head$f"
    end
end

complete -c netcap -f
for line in (netcap -h 2>/dev/null | string match -r '^  -.*')
    set -l m (string match -r '^  -([a-z0-9-]+)((?: [A-Z]+)?) +(.*)$' -- $line)
    set -q m[2]; or continue
    switch $m[2]
        case r
            complete -c netcap -o r -rF -d $m[4]
        case out
            complete -c netcap -o out -xa '(__fish_complete_directories)' -d $m[4]
        case iface
            complete -c netcap -o iface -xa '(ls /sys/class/net 2>/dev/null)' -d $m[4]
        case include exclude
            complete -c netcap -o $m[2] -xa '(__netcap_types)' -d $m[4]
        case select
            complete -c netcap -o select -xa '(__netcap_fields)' -d $m[4]
        case base
            complete -c netcap -o base -xa 'auto ethernet ipv4 ipv6 raw null loop sll sll2 dot11 radiotap ppp fddi usb' -d $m[4]
        case '*'
            if test -n "$m[3]"
                complete -c netcap -o $m[2] -x -d $m[4]
            else
                complete -c netcap -o $m[2] -d $m[4]
            end
    end
end
