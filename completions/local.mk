# SPDX-License-Identifier: GPL-3.0-or-later
COMPLETIONS = completions/netcap.bash completions/netcapctl.bash
EXTRA_DIST += $(COMPLETIONS)
bashcompletiondir = $(datadir)/bash-completion/completions
install-data-hook:
	$(MKDIR_P) "$(DESTDIR)$(bashcompletiondir)"
	for f in $(COMPLETIONS); do \
		to=$${f#completions/}; $(INSTALL_DATA) "$(top_srcdir)/$$f" "$(DESTDIR)$(bashcompletiondir)/$${to%.bash}" || exit 1; \
	done
uninstall-hook:
	for f in $(COMPLETIONS); do \
		to=$${f#completions/}; rm -f "$(DESTDIR)$(bashcompletiondir)/$${to%.bash}"; \
	done
