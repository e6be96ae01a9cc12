// A connection to a broker, with TLS or without.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace flow::operators {

// One connection, never used again once it is closed. Everything runs on the io_context's thread.
// What a call begins goes on until its handler ran, also when the connection is closed meanwhile;
// buffers are the caller's and live as long.
class MqttTransport {
 public:
  using Error = boost::system::error_code;
  using Handler = std::function<void(const Error&, size_t)>;

  MqttTransport() = default;
  MqttTransport(const MqttTransport&) = delete;
  MqttTransport& operator=(const MqttTransport&) = delete;
  virtual ~MqttTransport() = default;

  virtual boost::asio::ip::tcp::socket& socket() = 0;
  // After the socket is connected, before anything else.
  virtual void handshake(Handler handler) = 0;
  virtual void read_some(boost::asio::mutable_buffer into, Handler handler) = 0;
  // All of it.
  virtual void write(boost::asio::const_buffer bytes, Handler handler) = 0;
  // More on why the handshake failed; "" where there is nothing.
  virtual std::string trouble() const { return {}; }
};

std::shared_ptr<MqttTransport> make_mqtt_transport(boost::asio::io_context& io);
// `host`: the name that the certificate must have. `context` outlives the connection.
std::shared_ptr<MqttTransport> make_mqtt_tls_transport(boost::asio::io_context& io,
                                                       boost::asio::ssl::context& context,
                                                       const std::string& host);

}  // namespace flow::operators
