"""The configuration that `renewd init` prints."""

_START = """\
# renewd's configuration. Check it with: renewd validate      Every key is in config.example.yaml.

issuers:
  rcl:                                    # a name of yours
    type: rcl
    subscription_id: sub_df45ghfh463nfhh  # as the RCL portal shows it
    api_key: {file: /etc/renewd/rcl-api-key}  # chmod 600; never the key itself in here

# Any key of a certificate, for those that do not say it themselves.
defaults:
  challenge:
    type: http-01
    webroot: /var/www/html                # what the web server serves /.well-known/ from
    # listen: 127.0.0.1:8402              # or: renewd answers itself, for a web server that forwards to it
  hooks:
    check: nginx -t                       # a failing check puts the old files back
    reload: nginx -s reload
  # confirm: {connect: 127.0.0.1:443}     # after the reload the new certificate must be served here

certificates:
  - name: www.example.com                 # as the RCL portal shows it
    install:
      directory: /etc/renewd/live/www.example.com
    # The web server reads fullchain.pem and privkey.pem in there.

  # Many names that share everything; {name} stands for each:
  # - names: [one.example.com, two.example.com]
  #   install: {directory: "/etc/renewd/live/{name}"}

  # Fixed paths instead of a folder, such as haproxy's:
  # - name: example.org
  #   install: {files: {combined: /etc/haproxy/certs/example.org.pem}, group: haproxy, mode: "0640"}
  #   hooks: {check: haproxy -c -f /etc/haproxy/haproxy.cfg, reload: systemctl reload haproxy}

# schedule: {every: 12h}                  # how often renewd looks
# renew_before, in a certificate or in defaults: 1/3 of the lifetime; or a time, such as 30d
"""


def starting_configuration() -> str:
    """A commented file that works once its names, paths and the API key's file are right."""
    return _START
