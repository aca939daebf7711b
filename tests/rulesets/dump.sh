#!/usr/bin/env bash
# Makes the six iptables-save dumps of this directory: the rules below are applied in a namespace of their own by
# iptables and ip6tables, and what iptables-save and ip6tables-save say of them is kept. Needs root.
set -euo pipefail
cd "$(dirname "$0")"

apply() { ip netns exec "$namespace" "$tool" "$@"; }

common() { # both styles, both families
  apply -P INPUT DROP
  apply -P FORWARD DROP
  apply -A INPUT -i lo -m comment --comment local -j ACCEPT
}

neighbours_in() {
  local type
  for type in router-advertisement neighbour-solicitation neighbour-advertisement; do
    apply -A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type $type -m hl --hl-eq 255 -m comment --comment neighbours -j ACCEPT
  done
  apply -A INPUT -s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 130 -m comment --comment "multicast queries" -j ACCEPT
}

stateless() {
  common
  apply -A INPUT -p tcp -m multiport --dports 22,53,80 -m comment --comment "ssh, dns, http" -j ACCEPT
  apply -A INPUT -p udp --dport 53 -m comment --comment dns -j ACCEPT
  local type
  if [ $tool = iptables ]; then
    for type in echo-request destination-unreachable time-exceeded parameter-problem; do
      apply -A INPUT -p icmp --icmp-type $type -m comment --comment icmp -j ACCEPT
    done
  else
    for type in echo-request destination-unreachable packet-too-big time-exceeded parameter-problem; do
      apply -A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type $type -m comment --comment icmpv6 -j ACCEPT
    done
    neighbours_in
  fi
}

stateful() {
  common
  local new="-m conntrack --ctstate NEW" type
  apply -A INPUT -m conntrack --ctstate INVALID -m comment --comment "no connection stands behind it" -j DROP
  apply -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "known connections and their errors" -j ACCEPT
  apply -A INPUT -p tcp --syn -m multiport --dports 22,53,80 $new -m comment --comment "ssh, dns, http" -j ACCEPT
  apply -A INPUT -p udp --dport 53 $new -m comment --comment dns -j ACCEPT
  if [ $tool = iptables ]; then
    apply -A INPUT -p icmp --icmp-type echo-request $new -m comment --comment ping -j ACCEPT
  else
    apply -A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type echo-request $new -m comment --comment ping6 -j ACCEPT
    neighbours_in
  fi
  apply -P OUTPUT DROP
  apply -A OUTPUT -o lo -m comment --comment local -j ACCEPT
  apply -A OUTPUT -m conntrack --ctstate INVALID -m comment --comment "answers to what was refused" -j DROP
  apply -A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment answers -j ACCEPT
  if [ $tool = ip6tables ]; then
    for type in router-solicitation neighbour-solicitation neighbour-advertisement; do
      apply -A OUTPUT -p ipv6-icmp -m icmp6 --icmpv6-type $type -m hl --hl-eq 255 -m comment --comment neighbours -j ACCEPT
    done
    apply -A OUTPUT -p ipv6-icmp -m icmp6 --icmpv6-type 143 -m comment --comment "multicast reports" -j ACCEPT
  fi
  apply -A OUTPUT -m comment --comment "the server calls out" -j DROP
}

# As a front end writes it: chains before, for and after what the user asked for, each of them with steps of its own.
layered() {
  local chain hook
  for hook in INPUT OUTPUT; do
    for chain in before user after logging; do apply -N $chain-$hook; done
  done
  for chain in limit limit-accept skip-to-policy deny-logging; do apply -N $chain; done
  for hook in INPUT OUTPUT; do
    for chain in before user after logging; do apply -A $hook -j $chain-$hook; done
    apply -P $hook DROP
  done
  apply -P FORWARD DROP

  apply -A deny-logging -m conntrack --ctstate INVALID -m limit --limit 3/min --limit-burst 10 -j RETURN
  apply -A deny-logging -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[BLOCK] "
  apply -A limit -m limit --limit 3/min -j LOG --log-prefix "[LIMIT BLOCK] "
  apply -A limit -j REJECT
  apply -A limit-accept -j ACCEPT
  apply -A skip-to-policy -j DROP

  apply -A before-INPUT -i lo -j ACCEPT
  if [ $tool = ip6tables ]; then
    apply -A before-INPUT -m rt --rt-type 0 -j DROP
    neighbours before-INPUT
  fi
  apply -A before-INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
  apply -A before-INPUT -m conntrack --ctstate INVALID -j deny-logging
  apply -A before-INPUT -m conntrack --ctstate INVALID -j DROP
  local type
  if [ $tool = iptables ]; then
    for type in 3 11 12 8; do apply -A before-INPUT -p icmp -m icmp --icmp-type $type -j ACCEPT; done
    apply -A before-INPUT -p udp --sport 67 --dport 68 -j ACCEPT
    apply -A before-INPUT -d 224.0.0.251/32 -p udp --dport 5353 -j ACCEPT
    apply -A before-INPUT -m addrtype --dst-type BROADCAST -j DROP
  else
    for type in 1 2 3 4 128; do apply -A before-INPUT -p ipv6-icmp -m icmp6 --icmpv6-type $type -j ACCEPT; done
    apply -A before-INPUT -s fe80::/10 -d fe80::/10 -p udp --sport 547 --dport 546 -j ACCEPT
    apply -A before-INPUT -d ff02::fb/128 -p udp --dport 5353 -j ACCEPT
  fi
  apply -A user-INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --set
  apply -A user-INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --update --seconds 30 --hitcount 6 -j limit
  apply -A user-INPUT -p tcp --dport 22 -j limit-accept
  apply -A user-INPUT -p tcp -m multiport --dports 80,443,8000:8010 -j ACCEPT
  apply -A user-INPUT -p tcp --dport 53 -j ACCEPT
  apply -A user-INPUT -p udp --dport 53 -j ACCEPT
  apply -A user-INPUT -p tcp --dport 23 -j DROP
  apply -A user-INPUT -p tcp --dport 25 -j REJECT --reject-with tcp-reset
  for type in 137 138 67; do apply -A after-INPUT -p udp --dport $type -j skip-to-policy; done
  for type in 139 445; do apply -A after-INPUT -p tcp --dport $type -j skip-to-policy; done
  apply -A logging-INPUT -j deny-logging

  apply -A before-OUTPUT -o lo -j ACCEPT
  [ $tool = iptables ] || neighbours before-OUTPUT
  apply -A before-OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
  apply -A user-OUTPUT -p udp --dport 53 -j ACCEPT
  apply -A user-OUTPUT -p tcp -m multiport --dports 53,80,443 -j ACCEPT
  apply -A logging-OUTPUT -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[BLOCK] "
}

neighbours() { # chain
  local type
  for type in 133 134 135 136 141 142; do
    apply -A $1 -p ipv6-icmp -m icmp6 --icmpv6-type $type -m hl --hl-eq 255 -j ACCEPT
  done
  for type in 130 131 132 143; do
    apply -A $1 -s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type $type -j ACCEPT
  done
}

namespace=dump$$
trap 'ip netns del $namespace 2>/dev/null || true' EXIT
for style in stateless stateful layered; do
  ip netns add $namespace
  for tool in iptables ip6tables; do
    $style
    ip netns exec $namespace $tool-save >$style.$tool
  done
  ip netns del $namespace
done

# What this directory holds must load.
ip netns add $namespace
for file in *.nft; do
  ip netns exec $namespace nft -c -f $file
  ip netns exec $namespace nft -f $file
  ip netns exec $namespace nft flush ruleset
done
for style in stateless stateful layered; do
  for tool in iptables ip6tables; do
    ip netns exec $namespace $tool-restore --test $style.$tool
    ip netns exec $namespace $tool-restore $style.$tool
  done
done
