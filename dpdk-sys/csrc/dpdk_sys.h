/* Every DPDK header the allow-lists draw from, and the shims of shims.c. */
#ifndef DPDK_SYS_H
#define DPDK_SYS_H

#include <stddef.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_mempool.h>
#include <rte_version.h>

/* Thread-locals and macros, which bindgen cannot express. */
int dpdk_sys_errno(void);
unsigned int dpdk_sys_lcore_id(void);

/* struct rte_eth_link changed its fields between releases. */
int dpdk_sys_link_get(uint16_t port_id, uint32_t *speed, int *full_duplex, int *up);

/* EAL's log goes to `hook` from now on, and nowhere else. */
typedef void (*dpdk_sys_log_fn)(uint32_t level, const char *text, size_t length);
int dpdk_sys_log_hook(dpdk_sys_log_fn hook);

/* Where the mbuf's fields lie: they sit in anonymous unions that differ between releases. */
enum dpdk_sys_mbuf {
	DPDK_SYS_MBUF_BUF_ADDR = offsetof(struct rte_mbuf, buf_addr),
	DPDK_SYS_MBUF_BUF_LEN = offsetof(struct rte_mbuf, buf_len),
	DPDK_SYS_MBUF_DATA_LEN = offsetof(struct rte_mbuf, data_len),
	DPDK_SYS_MBUF_DATA_OFF = offsetof(struct rte_mbuf, data_off),
	DPDK_SYS_MBUF_HASH_RSS = offsetof(struct rte_mbuf, hash.rss),
	DPDK_SYS_MBUF_NB_SEGS = offsetof(struct rte_mbuf, nb_segs),
	DPDK_SYS_MBUF_NEXT = offsetof(struct rte_mbuf, next),
	DPDK_SYS_MBUF_OL_FLAGS = offsetof(struct rte_mbuf, ol_flags),
	DPDK_SYS_MBUF_PKT_LEN = offsetof(struct rte_mbuf, pkt_len),
	DPDK_SYS_MBUF_PORT = offsetof(struct rte_mbuf, port),
};

#endif
