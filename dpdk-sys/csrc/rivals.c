#include "rivals.h"

#include <stdlib.h>
#include <rte_malloc.h>

RTE_ACL_RULE_DEF(five_tuple, 5);

/* Headers are 16 bytes in network order: protocol, three of padding, addresses, L4 ports. */
static const struct rte_acl_field_def fields[5] = {
	{.type = RTE_ACL_FIELD_TYPE_BITMASK, .size = 1, .field_index = 0, .input_index = 0, .offset = 0},
	{.type = RTE_ACL_FIELD_TYPE_MASK, .size = 4, .field_index = 1, .input_index = 1, .offset = 4},
	{.type = RTE_ACL_FIELD_TYPE_MASK, .size = 4, .field_index = 2, .input_index = 2, .offset = 8},
	{.type = RTE_ACL_FIELD_TYPE_RANGE, .size = 2, .field_index = 3, .input_index = 3, .offset = 12},
	{.type = RTE_ACL_FIELD_TYPE_RANGE, .size = 2, .field_index = 4, .input_index = 3, .offset = 14},
};

struct rte_acl_ctx *dpdk_sys_acl_create(const char *name, const struct dpdk_sys_acl_rule *rules, uint32_t count)
{
	struct rte_acl_param parameters = {
		.name = name, .socket_id = SOCKET_ID_ANY, .rule_size = RTE_ACL_RULE_SZ(5), .max_rule_num = count,
	};
	struct rte_acl_config config = {.num_categories = 1, .num_fields = 5};
	struct five_tuple *all = calloc(count, sizeof(*all));
	struct rte_acl_ctx *acl = rte_acl_create(&parameters);

	for (int i = 0; i < 5; i++)
		config.defs[i] = fields[i];
	for (uint32_t i = 0; all != NULL && i < count; i++) {
		const struct dpdk_sys_acl_rule *rule = &rules[i];
		struct five_tuple *to = &all[i];

		to->data.category_mask = 1;
		to->data.priority = (int32_t)(count - i);
		to->data.userdata = i + 1;
		to->field[0].value.u8 = rule->protocol;
		to->field[0].mask_range.u8 = rule->protocol_mask;
		to->field[1].value.u32 = rule->source;
		to->field[1].mask_range.u32 = rule->source_bits;
		to->field[2].value.u32 = rule->destination;
		to->field[2].mask_range.u32 = rule->destination_bits;
		to->field[3].value.u16 = rule->source_ports[0];
		to->field[3].mask_range.u16 = rule->source_ports[1];
		to->field[4].value.u16 = rule->destination_ports[0];
		to->field[4].mask_range.u16 = rule->destination_ports[1];
	}
	if (acl != NULL && (all == NULL || rte_acl_add_rules(acl, (struct rte_acl_rule *)all, count) != 0 ||
			    rte_acl_build(acl, &config) != 0)) {
		rte_acl_free(acl);
		acl = NULL;
	}
	free(all);
	return acl;
}

size_t dpdk_sys_heap_bytes(void)
{
	size_t bytes = 0;

	for (int socket = 0; socket < RTE_MAX_NUMA_NODES; socket++) {
		struct rte_malloc_socket_stats stats;

		if (rte_malloc_get_socket_stats(socket, &stats) == 0)
			bytes += stats.heap_allocsz_bytes;
	}
	return bytes;
}
