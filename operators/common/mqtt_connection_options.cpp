#include "operators/common/mqtt_connection_options.hpp"

#include <algorithm>
#include <charconv>

namespace flow::operators {
namespace {

constexpr uint16_t kPort = 1883;
constexpr uint16_t kTlsPort = 8883;

[[noreturn]] void refuse(const std::string& what) {
  throw OptionFailure("url", what, "write eg mqtt://broker.example:1883, or mqtts:// for TLS");
}

}  // namespace

MqttAddress MqttAddress::parse(const std::string& url) {
  MqttAddress address;
  std::string_view rest = url;
  const size_t scheme = rest.find("://");
  const std::string_view name = rest.substr(0, scheme);
  if (scheme == std::string_view::npos || (name != "mqtt" && name != "mqtts")) {
    refuse("it begins with neither mqtt:// nor mqtts://");
  }
  address.has_tls = name == "mqtts";
  address.port = address.has_tls ? kTlsPort : kPort;
  rest.remove_prefix(scheme + 3);
  if (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);
  if (rest.find('@') != std::string_view::npos) {
    refuse("it has a user name; give it as `username`, and the password as `password`");
  }
  if (rest.find_first_of("/?#") != std::string_view::npos) {
    refuse("it has a path, which a broker has not");
  }
  size_t host_end = 0;
  if (!rest.empty() && rest.front() == '[') {
    host_end = rest.find(']');
    if (host_end == std::string_view::npos) refuse("a bracket is not closed");
    address.host = rest.substr(1, host_end - 1);
    rest.remove_prefix(host_end + 1);
  } else {
    host_end = std::min(rest.find(':'), rest.size());
    address.host = rest.substr(0, host_end);
    rest.remove_prefix(host_end);
  }
  if (address.host.empty() || address.host.find('\0') != std::string::npos) {
    refuse("it names no host");
  }
  if (rest.empty()) return address;
  rest.remove_prefix(1);
  const char* const end = rest.data() + rest.size();
  const auto parsed = std::from_chars(rest.data(), end, address.port);
  if (parsed.ec != std::errc() || parsed.ptr != end || address.port == 0) {
    refuse("its port is no number from 1 to 65535");
  }
  return address;
}

std::string MqttAddress::to_string() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

MqttAddress check_mqtt_connection(const MqttConnectionOptions& options) {
  MqttAddress address = MqttAddress::parse(options.url);
  if (!address.has_tls) {
    for (const auto& [name, value] : {std::pair("ca_file", &options.ca_file),
                                      std::pair("certificate_file", &options.certificate_file),
                                      std::pair("key_file", &options.key_file)}) {
      if (value->has_value()) {
        throw OptionFailure(name, "is for TLS, but `url` begins with mqtt://", "write mqtts://");
      }
    }
  }
  if (options.certificate_file.has_value() != options.key_file.has_value()) {
    throw OptionFailure(options.key_file ? "key_file" : "certificate_file",
                        "`certificate_file` and `key_file` go together", "give both or neither");
  }
  if (options.password && !options.username) {
    throw OptionFailure("password", "there is no `username` to go with it");
  }
  const auto too_long = [](const std::optional<std::string>& text) {
    return text && text->size() > 65535;
  };
  if (too_long(options.username)) throw OptionFailure("username", "is longer than 65,535 bytes");
  if (options.password && options.password->value.size() > 65535) {
    throw OptionFailure("password", "is longer than 65,535 bytes");
  }
  if (too_long(options.client_id)) throw OptionFailure("client_id", "is longer than 65,535 bytes");
  if (options.client_id && options.client_id->empty()) {
    throw OptionFailure("client_id", "is empty", "leave it out for one that is made");
  }
  return address;
}

int64_t mqtt_reconnect_pause(const MqttConnectionOptions& options, int attempt, uint32_t random) {
  const int64_t most = options.max_reconnect_delay.nanoseconds;
  int64_t pause = std::min(options.reconnect_delay.nanoseconds, most);
  for (int i = 1; i < attempt && pause < most; ++i) pause = std::min(2 * pause, most);
  return pause - static_cast<int64_t>(random % 1024) * (pause / 2048);
}

}  // namespace flow::operators
