# SPDX-License-Identifier: GPL-3.0-or-later
# bash completion for netcap(1)

_netcap()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	local switches='-buf -comp -payload -promisc -ignore-unknown -ignore-errors -csv -tsv -table -struc -json -utc
		-fields -header -check -encoders -overview -version -h -help'
	local valued='-r -iface -out -bpf -include -exclude -workers -stream-memory -snaplen -base -flow-timeout -conn-timeout
		-active-timeout -max-flows -sep -select -begin -end -struct-sep -ts2utc -opts -pbuf'

	case ${prev/#--/-} in
	-r)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	-out)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		;;
	-iface)
		mapfile -t COMPREPLY < <(compgen -W "$(cd /sys/class/net 2>/dev/null && echo *)" -- "$cur")
		;;
	-base)
		local layers='auto ethernet ipv4 ipv6 raw null loop sll sll2 dot11 radiotap ppp fddi usb'
		mapfile -t COMPREPLY < <(compgen -W "$layers" -- "$cur")
		;;
	-include | -exclude)
		local head=''
		[[ $cur == *,* ]] && head=${cur%,*},
		mapfile -t COMPREPLY < <(compgen -P "$head" -W "$(netcap -encoders 2>/dev/null)" -- "${cur##*,}")
		;;
	-select)
		local i file='' head=''
		for ((i = 1; i < COMP_CWORD - 1; i++)); do
			[[ ${COMP_WORDS[i]/#--/-} == -r ]] && file=${COMP_WORDS[i+1]}
		done
		[[ $cur == *,* ]] && head=${cur%,*},
		local fields
		fields=$(netcap -r "$file" -fields 2>/dev/null | tr , ' ')
		mapfile -t COMPREPLY < <(compgen -P "$head" -W "$fields" -- "${cur##*,}")
		;;
	-bpf | -workers | -stream-memory | -snaplen | -flow-timeout | -conn-timeout | -active-timeout | -max-flows | -sep | -begin | -end | \
		-struct-sep | -ts2utc | -opts | -pbuf)
		COMPREPLY=()
		;;
	*)
		mapfile -t COMPREPLY < <(compgen -W "$switches $valued" -- "$cur")
		;;
	esac
}
complete -F _netcap netcap
