# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for netcapctl(1): commands and options come from netcapctl help, sensors and interfaces from the daemons.

# The daemon that was named, or nothing.
function __netcapctl_daemon
    for w in (commandline -opc)[2..]
        if contains -- $w sensord collectord
            echo $w
            return
        end
    end
end

function __netcapctl_commands
    set -l want (__netcapctl_daemon)
    netcapctl help 2>/dev/null | while read -l line
        if string match -q 'commands of *' -- $line
            set at (string match -r '^commands of (\w+):' -- $line)[2]
        else if string match -qr '^[a-z][a-z-]* ' -- (string trim -- $line); and set -q at; and not string match -q '*:' -- $line
            test -n "$want" -a "$want" != "$at"; and continue
            set -l m (string match -r '^ *([a-z][a-z-]*)(?: [A-Z<\[][^ ]*)* +(.*)$' -- $line)
            test -n "$m[2]"; and printf '%s\t%s\n' $m[2] $m[3]
        else if string match -q 'options:*' -- $line
            return
        end
    end
end

function __netcapctl_has_command
    set -l commands (__netcapctl_commands | string replace -r '\t.*' '')
    for w in (commandline -opc)[2..]
        contains -- $w $commands; and return 0
    end
    return 1
end

# Whether the word before this one is one of these.
function __netcapctl_behind
    contains -- (commandline -opc)[-1] $argv
end

function __netcapctl_sensors
    netcapctl --json sensors 2>/dev/null | string match -ra '"name": "([^"]+)"' | string match -v '"*'
end

complete -c netcapctl -f
complete -c netcapctl -n 'not __netcapctl_has_command; and test -z (__netcapctl_daemon)' -a 'sensord collectord'
complete -c netcapctl -n 'not __netcapctl_has_command' -a '(__netcapctl_commands)'
complete -c netcapctl -n '__netcapctl_behind revoke ledger sensor-status sensor-flush sensor-rotate' -a '(__netcapctl_sensors)'
complete -c netcapctl -n '__netcapctl_behind log-level' -a 'err warning notice info debug'
complete -c netcapctl -n '__fish_seen_subcommand_from authorize; and not __netcapctl_behind authorize' -F
complete -c netcapctl -l sensor -xa '(__netcapctl_sensors)' -n '__fish_seen_subcommand_from tail'
complete -c netcapctl -l type -xa '(netcap -encoders 2>/dev/null | string split " " -n)' -n '__fish_seen_subcommand_from tail'
for line in (netcapctl help 2>/dev/null | string match -r '^  --.*')
    set -l m (string match -r '^  --([a-z-]+)((?: [A-Z]+)?) +(.*)$' -- $line)
    set -q m[2]; or continue
    if test "$m[2]" = socket
        complete -c netcapctl -l socket -rF -d $m[4]
    else
        complete -c netcapctl -l $m[2] -d $m[4]
    end
end
