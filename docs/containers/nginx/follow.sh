#!/bin/sh
# Starts what it is told to start, and reloads nginx whenever renewd has switched a certificate: each is a link that then
# leads elsewhere. nginx itself refuses to take what it cannot read, and serves on what it has; it is asked again.
seen() {
  for link in /certificates/*/current; do readlink "$link"; done
}
(
  was=$(seen)
  while sleep 5; do
    now=$(seen)
    [ "$now" = "$was" ] || { nginx -e stderr -s reload && was=$now; }
  done
) &
exec "$@"
