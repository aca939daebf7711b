//! Safe wrapper of the parts of DPDK that Sluice uses.
