//! The traps of nft, one by one; each was measured on Linux 6.18 with nft 1.0.6 or stands in its documentation.
