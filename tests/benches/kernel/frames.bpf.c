// Which frames does the kernel judge? Each is written anew into the page that the kernel hands round: of a flow in order,
// or of one that is drawn.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define SYN 2

// As frames.rs writes it.
struct plan {
    __u32 flows;
    __u32 next;    // of flows in order
    __u32 verdict; // XDP_PASS, or XDP_DROP to know what making frames costs
    __u8 drawn;    // a random flow each, instead of the next
    __u8 reply;    // from the server
    __u8 flags;    // of TCP
    __u8 to[6];
    __u8 unused[3];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct plan);
} plans SEC(".maps");

SEC("xdp")
int frames(struct xdp_md *context)
{
    __u32 zero = 0;
    struct plan *plan = bpf_map_lookup_elem(&plans, &zero);
    void *data = (void *)(long)context->data;
    struct ethhdr *ethernet = data;
    struct iphdr *ip = (void *)(ethernet + 1);
    struct tcphdr *tcp = (void *)(ip + 1);
    if (!plan || (void *)(tcp + 1) > (void *)(long)context->data_end)
        return XDP_ABORTED;
    __u32 flow = plan->drawn ? bpf_get_prandom_u32() % plan->flows : plan->next++;
    __u32 client = 0x0a000000 | (flow >> 10), server = 0xac100001;
    __u16 port = 1024 + (flow & 1023);
    __builtin_memcpy(ethernet->h_dest, plan->to, 6);
    ethernet->h_proto = bpf_htons(ETH_P_IP);
    ip->version = 4;
    ip->ihl = 5;
    ip->tos = 0;
    ip->tot_len = bpf_htons(40);
    ip->id = 0;
    ip->frag_off = bpf_htons(0x4000);
    ip->ttl = 64;
    ip->protocol = IPPROTO_TCP;
    ip->saddr = bpf_htonl(plan->reply ? server : client);
    ip->daddr = bpf_htonl(plan->reply ? client : server);
    __u32 sum = 0x4500 + 40 + 0x4000 + (64 << 8 | IPPROTO_TCP);
    sum += (client >> 16) + (client & 0xffff) + (server >> 16) + (server & 0xffff);
    sum = (sum & 0xffff) + (sum >> 16);
    ip->check = bpf_htons(~((sum & 0xffff) + (sum >> 16)));
    tcp->source = bpf_htons(plan->reply ? 443 : port);
    tcp->dest = bpf_htons(plan->reply ? port : 443);
    __u8 syn = plan->flags == SYN;
    tcp->seq = bpf_htonl(plan->reply ? 2000 : syn ? 1000 : 1001);
    tcp->ack_seq = bpf_htonl(plan->reply ? 1001 : syn ? 0 : 2001);
    ((__u8 *)tcp)[12] = 5 << 4; // words of header
    ((__u8 *)tcp)[13] = plan->flags;
    tcp->window = bpf_htons(64240);
    tcp->check = 0;
    tcp->urg_ptr = 0;
    return plan->verdict;
}

char _license[] SEC("license") = "Dual BSD/GPL";
