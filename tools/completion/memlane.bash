# SPDX-License-Identifier: MIT
# bash completion for memlane; the commands and their options are asked of memlane itself
# shellcheck shell=bash

_memlane_options()
{
	memlane "$1" --help 2>/dev/null | grep -oE -e '--[a-z]+' | sort -u
}

_memlane()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}

	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(memlane --help 2>/dev/null |
			sed -n 's/^  \([a-z]*\) .*/\1/p') help --help --version" -- "$cur")
		return
	fi
	case $prev in
	--backend) mapfile -t COMPREPLY < <(compgen -W 'auto module local' -- "$cur"); return ;;
	--against) mapfile -t COMPREPLY < <(compgen -W 'glibc jemalloc mimalloc tcmalloc' -- "$cur"); return ;;
	esac
	case $cur in
	-*) mapfile -t COMPREPLY < <(compgen -W "$(_memlane_options "$command") --help" -- "$cur") ;;
	*) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	esac
}

complete -o filenames -F _memlane memlane
