// Sockets of either family, as the server and its client use them: what asio does not do by itself.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include <string>

namespace migrate {

using StreamSocket = boost::asio::generic::stream_protocol::socket;
using StreamAcceptor = boost::asio::basic_socket_acceptor<boost::asio::generic::stream_protocol>;

/// Children must not inherit it.
void close_on_exec(int descriptor);

/// Non-blocking and not inherited; over TCP also without delay, and with a dead peer noticed within 15 seconds.
void prepare(StreamSocket& socket);

/// "127.0.0.1", "::1", "unix"; "?" when the peer is gone already.
std::string peer_address(const StreamSocket& socket);

}  // namespace migrate
