/*
 * The network: families, types of socket, protocols, the states of TCP as Linux numbers them, and its flags.
 */

/* An address of IPv6, by the names of its parts that Linux has, and by those that other systems have. */
typedef struct {
	union {
		union {
			uint8_t u6_addr8[16];
			uint16_t u6_addr16[8];
			uint32_t u6_addr32[4];
		} in6_u;
		union {
			uint8_t _S6_u8[16];
			uint16_t _S6_u16[8];
			uint32_t _S6_u32[4];
		} _S6_un;
	};
} in6_addr_t;

/* Families of addresses. */
inline int AF_UNSPEC = 0;
inline int AF_UNIX = 1;
inline int AF_LOCAL = 1;
inline int AF_INET = 2;
inline int AF_INET6 = 10;
inline int AF_NETLINK = 16;
inline int AF_PACKET = 17;
inline int AF_VSOCK = 40;

/* Types of socket. */
inline int SOCK_STREAM = 1;
inline int SOCK_DGRAM = 2;
inline int SOCK_RAW = 3;
inline int SOCK_SEQPACKET = 5;
inline int SOCK_NONBLOCK = 2048;
inline int SOCK_CLOEXEC = 524288;

/* Protocols. */
inline int IPPROTO_IP = 0;
inline int IPPROTO_ICMP = 1;
inline int IPPROTO_IGMP = 2;
inline int IPPROTO_TCP = 6;
inline int IPPROTO_UDP = 17;
inline int IPPROTO_IPV6 = 41;
inline int IPPROTO_ESP = 50;
inline int IPPROTO_AH = 51;
inline int IPPROTO_ICMPV6 = 58;
inline int IPPROTO_SCTP = 132;
inline int IPPROTO_RAW = 255;

/* States of TCP. */
inline int TCP_STATE_ESTABLISHED = 1;
inline int TCP_STATE_SYN_SENT = 2;
inline int TCP_STATE_SYN_RECEIVED = 3;
inline int TCP_STATE_FIN_WAIT_1 = 4;
inline int TCP_STATE_FIN_WAIT_2 = 5;
inline int TCP_STATE_TIME_WAIT = 6;
inline int TCP_STATE_CLOSED = 7;
inline int TCP_STATE_CLOSE_WAIT = 8;
inline int TCP_STATE_LAST_ACK = 9;
inline int TCP_STATE_LISTEN = 10;
inline int TCP_STATE_CLOSING = 11;

/* Flags of TCP. */
inline int TH_FIN = 1;
inline int TH_SYN = 2;
inline int TH_RST = 4;
inline int TH_PUSH = 8;
inline int TH_ACK = 16;
inline int TH_URG = 32;
inline int TH_ECE = 64;
inline int TH_CWR = 128;
