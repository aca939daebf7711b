/* What the benches of feature `rivals` compare with: DPDK's own hash table and packet classifier. */
#ifndef DPDK_SYS_RIVALS_H
#define DPDK_SYS_RIVALS_H

#include <stddef.h>
#include <stdint.h>

#include <rte_acl.h>
#include <rte_hash.h>

/* A rule of five fields in host order; ranges with both ends. A protocol mask of 0 leaves it open. */
struct dpdk_sys_acl_rule {
	uint32_t source, source_bits;
	uint32_t destination, destination_bits;
	uint16_t source_ports[2];
	uint16_t destination_ports[2];
	uint8_t protocol, protocol_mask;
};

/* A classifier over the rules, the first of which wins; it answers 1 + the number of a rule, or 0. */
struct rte_acl_ctx *dpdk_sys_acl_create(const char *name, const struct dpdk_sys_acl_rule *rules, uint32_t count);

/* Bytes taken from EAL's heap. */
size_t dpdk_sys_heap_bytes(void);

#endif
