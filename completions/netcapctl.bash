# SPDX-License-Identifier: GPL-3.0-or-later
# bash completion for netcapctl(1). tests/checks/netcapctl-words compares the lists with the program's own table.

# The names of the sensors that the collector knows, when it runs and lets us look.
_netcapctl_names()
{
	netcapctl --json "$1" 2>/dev/null | sed -n 's/^ *"name": "\([A-Za-z0-9._-]*\)",*$/\1/p'
}

_netcapctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local daemons='sensord collectord'
	local sensord='help health metrics status interfaces types ledger flush reload rotate-keys config log-level version'
	local collectord='help health metrics status sensors types tail authorize pending revoke sensor-status sensor-flush sensor-rotate ledger flush reload rotate-keys config log-level version'
	local options='--json --watch --all --type --sensor --openmetrics --socket --now --finish --help --version'
	local words="$daemons help health metrics status interfaces types ledger flush reload rotate-keys config log-level version sensors tail authorize pending revoke sensor-status sensor-flush sensor-rotate"
	local word command='' arguments=0 skip=''

	COMPREPLY=()
	case $prev in
	--socket) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--type) mapfile -t COMPREPLY < <(compgen -W "$(netcap -encoders 2>/dev/null)" -- "$cur"); return ;;
	--sensor) mapfile -t COMPREPLY < <(compgen -W "$(_netcapctl_names sensors)" -- "$cur"); return ;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		return
	fi
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		if [[ $skip ]]; then
			skip=
			continue
		fi
		if [[ $command ]]; then
			arguments=$((arguments + 1))
			continue
		fi
		case $word in
		--socket | --type | --sensor) skip=1 ;;
		sensord) words=$sensord ;;
		collectord) words=$collectord ;;
		-*) ;;
		*) command=$word ;;
		esac
	done
	case $command:$arguments in
	:0) ;;
	revoke:0 | ledger:0 | sensor-*:0) words=$(_netcapctl_names sensors) ;;
	log-level:0) words='err warning notice info debug' ;;
	authorize:1) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	*) words= ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _netcapctl netcapctl
