# SPDX-License-Identifier: GPL-3.0-or-later
bashcompletiondir = $(datadir)/bash-completion/completions
fishcompletiondir = $(datadir)/fish/vendor_completions.d
dist_zshcompletion_DATA = completions/_netcap completions/_netcapctl
dist_fishcompletion_DATA = completions/netcap.fish completions/netcapctl.fish
BASH_COMPLETIONS = completions/netcap.bash completions/netcapctl.bash
EXTRA_DIST += $(BASH_COMPLETIONS)
install-data-hook:
	$(MKDIR_P) "$(DESTDIR)$(bashcompletiondir)"
	for f in $(BASH_COMPLETIONS); do \
		to=$${f#completions/}; $(INSTALL_DATA) "$(top_srcdir)/$$f" "$(DESTDIR)$(bashcompletiondir)/$${to%.bash}" || exit 1; \
	done
uninstall-hook:
	for f in $(BASH_COMPLETIONS); do \
		to=$${f#completions/}; rm -f "$(DESTDIR)$(bashcompletiondir)/$${to%.bash}"; \
	done
