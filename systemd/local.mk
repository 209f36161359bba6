# SPDX-License-Identifier: GPL-3.0-or-later
UNITS = systemd/netcap-sensord.service systemd/netcap-collectord.service
SOCKETS = systemd/netcap-sensord.socket systemd/netcap-collectord.socket systemd/netcap-collectord-control.socket
USERS = systemd/netcap-sensor.sysusers systemd/netcap-collector.sysusers
FOLDERS = systemd/netcap-sensor.tmpfiles systemd/netcap-collector.tmpfiles
SAMPLES = etc/sensord.conf etc/collectord.conf
EXTRA_DIST += systemd/netcap-sensord.service.in systemd/netcap-collectord.service.in \
	$(USERS) $(FOLDERS) $(SAMPLES)
CLEANFILES += $(UNITS)
catalogdir = $(prefix)/lib/systemd/catalog
dist_catalog_DATA = systemd/netcap.catalog
nodist_systemdsystemunit_DATA = $(UNITS)
dist_systemdsystemunit_DATA = $(SOCKETS)
$(UNITS): %: %.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' $(top_srcdir)/$@.in >$@

# an operator's own configuration is never replaced
install-data-local:
	$(MKDIR_P) "$(DESTDIR)$(sysconfdir)/netcap" "$(DESTDIR)$(prefix)/lib/sysusers.d" "$(DESTDIR)$(prefix)/lib/tmpfiles.d"
	for f in netcap-sensor netcap-collector; do \
		$(INSTALL_DATA) "$(top_srcdir)/systemd/$$f.sysusers" "$(DESTDIR)$(prefix)/lib/sysusers.d/$$f.conf" && \
		$(INSTALL_DATA) "$(top_srcdir)/systemd/$$f.tmpfiles" "$(DESTDIR)$(prefix)/lib/tmpfiles.d/$$f.conf" || exit 1; \
	done
	for f in $(SAMPLES); do \
		to="$(DESTDIR)$(sysconfdir)/netcap/$${f#etc/}"; \
		test -e "$$to" || $(INSTALL_DATA) "$(top_srcdir)/$$f" "$$to" || exit 1; \
	done
uninstall-local:
	for f in netcap-sensor netcap-collector; do \
		rm -f "$(DESTDIR)$(prefix)/lib/sysusers.d/$$f.conf" "$(DESTDIR)$(prefix)/lib/tmpfiles.d/$$f.conf"; \
	done
	for f in $(SAMPLES); do \
		to="$(DESTDIR)$(sysconfdir)/netcap/$${f#etc/}"; \
		if cmp -s "$(top_srcdir)/$$f" "$$to"; then rm -f "$$to"; fi; \
	done
