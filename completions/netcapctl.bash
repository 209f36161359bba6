# SPDX-License-Identifier: GPL-3.0-or-later
# bash completion for netcapctl(1). tests/checks/netcapctl-words compares the lists with the program's own table.

_netcapctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local daemons='sensord collectord'
	local sensord='help status ledger flush reload version'
	local collectord='help status sensors pending revoke sensor-status sensor-flush sensor-rotate ledger flush reload version'
	local options='--json --watch --socket --help --version'
	local words="$daemons help status ledger flush reload version sensors pending revoke sensor-status sensor-flush sensor-rotate" word skip=

	COMPREPLY=()
	if [[ $prev == --socket ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
	fi
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		return
	fi
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		if [[ $skip ]]; then
			skip=
			continue
		fi
		case $word in
		--socket) skip=1 ;;
		sensord) words=$sensord ;;
		collectord) words=$collectord ;;
		-*) ;;
		*) words= ;;
		esac
	done
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _netcapctl netcapctl
