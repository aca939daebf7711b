#!/usr/bin/env bash
# Makes the four iptables-save dumps of this directory: the rules below are applied in a namespace of their own by
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

namespace=dump$$
trap 'ip netns del $namespace 2>/dev/null || true' EXIT
for style in stateless stateful; do
  ip netns add $namespace
  for tool in iptables ip6tables; do
    $style
    ip netns exec $namespace $tool-save >$style.$tool
  done
  ip netns del $namespace
done

# What this directory holds must load.
ip netns add $namespace
for style in stateless stateful; do
  ip netns exec $namespace nft -c -f $style.nft
  ip netns exec $namespace nft -f $style.nft
  for tool in iptables ip6tables; do
    ip netns exec $namespace $tool-restore --test $style.$tool
    ip netns exec $namespace $tool-restore $style.$tool
  done
done
