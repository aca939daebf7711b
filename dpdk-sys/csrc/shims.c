#define _GNU_SOURCE
#include "dpdk_sys.h"

#include <stdio.h>
#include <sys/types.h>

int dpdk_sys_errno(void) { return rte_errno; }

unsigned int dpdk_sys_lcore_id(void) { return rte_lcore_id(); }

int dpdk_sys_link_get(uint16_t port_id, uint32_t *speed, int *full_duplex, int *up)
{
	struct rte_eth_link link = {0};
	int status = rte_eth_link_get_nowait(port_id, &link);

	*speed = link.link_speed;
	*full_duplex = link.link_duplex == RTE_ETH_LINK_FULL_DUPLEX;
	*up = link.link_status == RTE_ETH_LINK_UP;
	return status;
}

/* EAL's own stream writes each line to stderr and to syslog(3); this one calls `log_hook`. */
static dpdk_sys_log_fn log_hook;

static ssize_t log_write(void *cookie, const char *text, size_t length)
{
	(void)cookie;
	log_hook((uint32_t)rte_log_cur_msg_loglevel(), text, length);
	return (ssize_t)length;
}

int dpdk_sys_log_hook(dpdk_sys_log_fn hook)
{
	cookie_io_functions_t calls = {.write = log_write};
	FILE *stream = fopencookie(NULL, "w", calls);

	if (stream == NULL)
		return -1;
	log_hook = hook;
	setvbuf(stream, NULL, _IOLBF, 4096);
	return rte_openlog_stream(stream);
}

/* What the Rust side is written against. */
#define FIELD_SIZE(field) sizeof(((struct rte_mbuf *)NULL)->field)
_Static_assert(sizeof(struct rte_mbuf) == 128, "an mbuf is two cache lines");
_Static_assert(_Alignof(struct rte_mbuf) == 64, "an mbuf starts a cache line");
_Static_assert(FIELD_SIZE(buf_addr) == 8, "buf_addr is a 64-bit pointer");
_Static_assert(FIELD_SIZE(buf_len) == 2, "buf_len is a u16");
_Static_assert(FIELD_SIZE(data_len) == 2, "data_len is a u16");
_Static_assert(FIELD_SIZE(data_off) == 2, "data_off is a u16");
_Static_assert(FIELD_SIZE(hash.rss) == 4, "hash.rss is a u32");
_Static_assert(FIELD_SIZE(nb_segs) == 2, "nb_segs is a u16");
_Static_assert(FIELD_SIZE(next) == 8, "next is a 64-bit pointer");
_Static_assert(FIELD_SIZE(ol_flags) == 8, "ol_flags is a u64");
_Static_assert(FIELD_SIZE(pkt_len) == 4, "pkt_len is a u32");
_Static_assert(FIELD_SIZE(port) == 2, "port is a u16");
