#include "operators/sources/mqtt_transport.hpp"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace flow::operators {
namespace {

using boost::asio::ip::tcp;

class PlainTransport final : public MqttTransport {
 public:
  explicit PlainTransport(boost::asio::io_context& io) : socket_(io) {}

  tcp::socket& socket() override { return socket_; }
  void handshake(Handler handler) override { handler(Error(), 0); }
  void read_some(boost::asio::mutable_buffer into, Handler handler) override {
    socket_.async_read_some(into, std::move(handler));
  }
  void write(boost::asio::const_buffer bytes, Handler handler) override {
    boost::asio::async_write(socket_, bytes, std::move(handler));
  }

 private:
  tcp::socket socket_;
};

class TlsTransport final : public MqttTransport {
 public:
  TlsTransport(boost::asio::io_context& io, boost::asio::ssl::context& context,
               const std::string& host)
      : stream_(io, context) {
    stream_.set_verify_mode(boost::asio::ssl::verify_peer);
    stream_.set_verify_callback(boost::asio::ssl::host_name_verification(host));
    Error is_name;
    boost::asio::ip::make_address(host, is_name);
    if (is_name) SSL_set_tlsext_host_name(stream_.native_handle(), host.c_str());
  }

  tcp::socket& socket() override { return stream_.next_layer(); }
  void handshake(Handler handler) override {
    stream_.async_handshake(
        boost::asio::ssl::stream_base::client,
        [handler = std::move(handler)](const Error& error) { handler(error, 0); });
  }
  void read_some(boost::asio::mutable_buffer into, Handler handler) override {
    stream_.async_read_some(into, std::move(handler));
  }
  void write(boost::asio::const_buffer bytes, Handler handler) override {
    boost::asio::async_write(stream_, bytes, std::move(handler));
  }
  std::string trouble() const override {
    const auto handle = const_cast<boost::asio::ssl::stream<tcp::socket>&>(stream_).native_handle();
    const long result = SSL_get_verify_result(handle);
    return result == X509_V_OK ? std::string() : X509_verify_cert_error_string(result);
  }

 private:
  boost::asio::ssl::stream<tcp::socket> stream_;
};

}  // namespace

std::shared_ptr<MqttTransport> make_mqtt_transport(boost::asio::io_context& io) {
  return std::make_shared<PlainTransport>(io);
}

std::shared_ptr<MqttTransport> make_mqtt_tls_transport(boost::asio::io_context& io,
                                                       boost::asio::ssl::context& context,
                                                       const std::string& host) {
  return std::make_shared<TlsTransport>(io, context, host);
}

}  // namespace flow::operators
