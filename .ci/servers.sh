# Functions that start and stop real servers for the tests: PostgreSQL, Postfix, Exim, OpenSMTPD and Haraka, each private,
# on a free port of loopback, with everything it writes in a folder of ours. Root starts them, since they run as users of their own.
# Sourced by .ci/run.

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Waits up to 30 s until something listens on port $1 of loopback. $2 is its process, $3 its log.
wait_for_port() {
    local try
    for try in $(seq 300); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return 0; fi
        kill -0 "$2" 2>/dev/null || break
        sleep 0.1
    done
    echo "nothing listens on port $1; the end of $3:" >&2
    tail -n 20 "$3" >&2 || true
    return 1
}

# Ends process $1 with signal $2, waits up to 10 s, then kills it.
stop_process() {
    local try
    kill "-$2" "$1" 2>/dev/null || return 0
    for try in $(seq 100); do
        kill -0 "$1" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

# Starts PostgreSQL in the folder $1. Sets POSTGRES_PID and exports NEWSLETTER_TEST_POSTGRES.
start_postgres() {
    local base=$1 port bin
    bin=$(dirname "$(ls /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)")
    port=$(free_port)
    install -d -o postgres -g postgres -m 700 "$base"
    (
        cd "$base" # initdb and postgres look at the folder they stand in
        as_postgres "$bin/initdb" -D "$base/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$base.log" 2>&1 ||
            { tail -n 20 "$base.log" >&2; exit 1; }
    )
    # Nothing here outlives the run, so nothing needs to reach the disk.
    (
        cd "$base"
        exec setpriv --reuid=postgres --regid=postgres --clear-groups "$bin/postgres" -D "$base/data" \
            -c listen_addresses=127.0.0.1 -p "$port" -c unix_socket_directories= -c max_connections=200 \
            -c fsync=off -c synchronous_commit=off -c full_page_writes=off
    ) >>"$base.log" 2>&1 </dev/null &
    POSTGRES_PID=$!
    wait_for_port "$port" "$POSTGRES_PID" "$base.log"
    export NEWSLETTER_TEST_POSTGRES="postgresql+psycopg://postgres@127.0.0.1:$port/postgres"
}

as_postgres() {
    setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
}

# Starts Postfix in the folder $1. It takes mail for any address whatsoever, delivers all of it to one Maildir, and
# looks nothing up, so that nothing can leave. Sets POSTFIX_PID and exports NEWSLETTER_TEST_POSTFIX.
start_postfix() {
    local base=$1 port
    port=$(free_port)
    install -d -m 755 "$base" "$base/etc" "$base/queue" "$base/log"
    install -d -o postfix -m 755 "$base/data"
    install -d -o nobody -g nogroup -m 755 "$base/mail"
    cat >"$base/etc/main.cf" <<CONFIG
compatibility_level = 3.6
queue_directory = $base/queue
data_directory = $base/data
maillog_file = $base/log/mail.log
maillog_file_prefixes = $base/log
myhostname = mx.reader.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
biff = no
append_dot_mydomain = no
smtpd_peername_lookup = no
smtpd_relay_restrictions = reject_unauth_destination
smtp_dns_support_level = disabled
default_transport = error:5.7.1 nothing leaves this machine
relay_transport = error:5.7.1 nothing leaves this machine
virtual_mailbox_domains = static:all
virtual_mailbox_base = $base/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:$(id -u nobody)
virtual_gid_maps = static:$(id -g nobody)
CONFIG
    cat >"$base/etc/master.cf" <<CONFIG
127.0.0.1:$port inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
CONFIG
    postfix -c "$base/etc" check
    "$(postconf -c "$base/etc" -h daemon_directory)/master" -c "$base/etc" -d >>"$base/log/master.log" 2>&1 </dev/null &
    POSTFIX_PID=$!
    wait_for_port "$port" "$POSTFIX_PID" "$base/log/mail.log"
    export NEWSLETTER_TEST_POSTFIX="127.0.0.1:$port:$base/mail/all"
}

# Unpacks Debian's Exim into the folder $1. Installed, it would push Postfix out: each says that it is the machine's one
# mail system. The libraries that it needs are installed by name (.ci/run), and so is the user whose name it was built with.
unpack_exim() {
    local base=$1
    install -d -m 755 "$base"
    (
        cd "$base"
        apt-get download -qq -o APT::Sandbox::User=root exim4-daemon-light 2>/dev/null ||
            { apt-get update -qq && apt-get download -qq -o APT::Sandbox::User=root exim4-daemon-light; }
        dpkg-deb -x exim4-daemon-light_*.deb .
        chmod u-s usr/sbin/exim4
    )
    id -u Debian-exim >/dev/null 2>&1 ||
        useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin Debian-exim
}

# Starts the Exim that `unpack_exim` put into the folder $1. It takes mail for any address whatsoever, delivers all of it
# to one Maildir, and has no router that leads anywhere else. Sets EXIM_PID and exports NEWSLETTER_TEST_EXIM.
start_exim() {
    local base=$1 port
    port=$(free_port)
    install -d -o Debian-exim -g Debian-exim -m 755 "$base/spool" "$base/log" "$base/mail"
    cat >"$base/exim.conf" <<CONFIG
primary_hostname = mx.reader.test
exim_user = Debian-exim
exim_group = Debian-exim
spool_directory = $base/spool
log_file_path = $base/log/%slog
pid_file_path = $base/spool/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = $port
tls_advertise_hosts =
host_lookup =
rfc1413_query_timeout = 0s
chunking_advertise_hosts = *
smtputf8_advertise_hosts = *
smtp_accept_max = 50
smtp_accept_queue_per_connection = 0
deliver_drop_privilege = true
acl_smtp_rcpt = accept
acl_smtp_data = accept
keep_environment =

begin routers
everybody:
  driver = accept
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = $base/mail/all
  maildir_format
  return_path_add
  envelope_to_add
  user = Debian-exim
  group = Debian-exim
CONFIG
    setpriv --reuid=Debian-exim --regid=Debian-exim --clear-groups \
        "$base/usr/sbin/exim4" -C "$base/exim.conf" -bdf >>"$base/log/daemon.log" 2>&1 </dev/null &
    EXIM_PID=$!
    wait_for_port "$port" "$EXIM_PID" "$base/log/daemon.log"
    export NEWSLETTER_TEST_EXIM="127.0.0.1:$port:$base/mail/all"
}

# Makes the folder $1 the root of Debian's OpenSMTPD. Installed, it would push Postfix out, as Exim would; and the folders
# of its queue, its helpers and its cells are compiled in, so that it can only be moved with all that it sees: its
# libraries, a shell that runs its helpers, and users of its own that the machine does not know.
unpack_opensmtpd() {
    local base=$1 nobody nogroup
    nobody=$(id -u nobody) nogroup=$(id -g nobody)
    install -d -m 755 "$base"
    (
        cd "$base"
        apt-get download -qq -o APT::Sandbox::User=root opensmtpd 2>/dev/null ||
            { apt-get update -qq && apt-get download -qq -o APT::Sandbox::User=root opensmtpd; }
        dpkg-deb -x opensmtpd_*.deb .
        install -D /bin/sh bin/sh
        ldd bin/sh usr/sbin/smtpd usr/libexec/opensmtpd/mail.maildir | grep -o '/[^ :]*\.so[^ :]*' | sort -u |
            xargs cp -L --parents -t .
        install -d -m 755 run tmp
        ln -s ../run var/run
        install -d -m 711 var/spool/smtpd var/lib/opensmtpd/empty
        install -d -o "$nobody" -g "$nogroup" -m 755 mail
        cat >etc/passwd <<USERS
root:x:0:0::/:/usr/sbin/nologin
opensmtpd:x:64990:64990::/var/lib/opensmtpd/empty:/usr/sbin/nologin
opensmtpq:x:64991:64991::/var/lib/opensmtpd/empty:/usr/sbin/nologin
reader:x:$nobody:$nogroup::/:/bin/sh
USERS
        printf '%s\n' root:x:0: opensmtpd:x:64990: opensmtpq:x:64991: "reader:x:$nogroup:" >etc/group
    )
}

# Starts the OpenSMTPD that `unpack_opensmtpd` put into the folder $1. It takes mail for any address whatsoever, delivers
# all of it to one Maildir, and has no action that leads anywhere else. Sets OPENSMTPD_PID and exports
# NEWSLETTER_TEST_OPENSMTPD.
start_opensmtpd() {
    local base=$1 port
    port=$(free_port)
    cat >"$base/etc/smtpd.conf" <<CONFIG
listen on 127.0.0.1 port $port hostname mx.reader.test
table everybody { "@" = reader }
action "maildir" maildir "/mail/all" virtual <everybody>
match from any for any action "maildir"
CONFIG
    chroot "$base" /usr/sbin/smtpd -d >>"$base/smtpd.log" 2>&1 </dev/null &
    OPENSMTPD_PID=$!
    wait_for_port "$port" "$OPENSMTPD_PID" "$base/smtpd.log"
    export NEWSLETTER_TEST_OPENSMTPD="127.0.0.1:$port:$base/mail/all"
}

# Starts the Haraka of tests/judges in the folder $1. It takes mail for any address whatsoever, and a plugin of ours
# writes all of it to one Maildir. Sets HARAKA_PID and exports NEWSLETTER_TEST_HARAKA.
start_haraka() {
    local base=$1 port its=tests/judges/node_modules/Haraka
    port=$(free_port)
    install -d -m 755 "$base" "$base/config" "$base/plugins" "$base/queue" "$base/mail"
    cp tests/judges/haraka-maildir.js "$base/plugins/maildir.js"
    echo maildir >"$base/config/plugins"
    echo mx.reader.test >"$base/config/me"
    printf 'listen=127.0.0.1:%s\nnodes=0\n' "$port" >"$base/config/smtp.ini"
    # Its own limit of 992 bytes would break longer lines, which RFC 5322 allows: 998, CRLF, and the dot that is stuffed.
    sed 's/^data_line_length=.*/data_line_length=1001/' "$its/config/connection.ini" >"$base/config/connection.ini"
    cp "$its/config/log.ini" "$base/config/log.ini"
    NEWSLETTER_HARAKA_MAILDIR="$base/mail/all" HARAKA="$base" \
        node "$its/haraka.js" >>"$base/haraka.log" 2>&1 </dev/null &
    HARAKA_PID=$!
    wait_for_port "$port" "$HARAKA_PID" "$base/haraka.log"
    export NEWSLETTER_TEST_HARAKA="127.0.0.1:$port:$base/mail/all"
}

# Stops what was started. Safe to call when nothing was.
stop_servers() {
    if [ -n "${HARAKA_PID:-}" ]; then stop_process "$HARAKA_PID" TERM; fi
    if [ -n "${OPENSMTPD_PID:-}" ]; then stop_process "$OPENSMTPD_PID" TERM; fi
    if [ -n "${EXIM_PID:-}" ]; then stop_process "$EXIM_PID" TERM; fi
    if [ -n "${POSTFIX_PID:-}" ]; then stop_process "$POSTFIX_PID" TERM; fi
    if [ -n "${POSTGRES_PID:-}" ]; then stop_process "$POSTGRES_PID" INT; fi
    HARAKA_PID='' OPENSMTPD_PID='' EXIM_PID='' POSTFIX_PID='' POSTGRES_PID=''
}
