# SPDX-License-Identifier: GPL-3.0-or-later
UNITS = systemd/netcap-sensord.service systemd/netcap-collectord.service
SAMPLES = etc/sensord.conf etc/collectord.conf
EXTRA_DIST += systemd/netcap-sensord.service.in systemd/netcap-collectord.service.in systemd/netcap.sysusers $(SAMPLES)
CLEANFILES += $(UNITS)
catalogdir = $(prefix)/lib/systemd/catalog
dist_catalog_DATA = systemd/netcap.catalog
nodist_systemdsystemunit_DATA = $(UNITS)
$(UNITS): %: %.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' $(top_srcdir)/$@.in >$@

# an operator's own configuration is never replaced
install-data-local:
	$(MKDIR_P) "$(DESTDIR)$(sysconfdir)/netcap" "$(DESTDIR)$(prefix)/lib/sysusers.d"
	$(INSTALL_DATA) $(top_srcdir)/systemd/netcap.sysusers "$(DESTDIR)$(prefix)/lib/sysusers.d/netcap.conf"
	for f in $(SAMPLES); do \
		to="$(DESTDIR)$(sysconfdir)/netcap/$${f#etc/}"; \
		test -e "$$to" || $(INSTALL_DATA) "$(top_srcdir)/$$f" "$$to" || exit 1; \
	done
uninstall-local:
	rm -f "$(DESTDIR)$(prefix)/lib/sysusers.d/netcap.conf"
	for f in $(SAMPLES); do \
		to="$(DESTDIR)$(sysconfdir)/netcap/$${f#etc/}"; \
		if cmp -s "$(top_srcdir)/$$f" "$$to"; then rm -f "$$to"; fi; \
	done
