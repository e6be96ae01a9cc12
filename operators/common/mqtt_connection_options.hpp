// What the source and the sink `mqtt` need to know of a broker.
#pragma once

#include <optional>
#include <string>

#include "flow/operator.hpp"
#include "operators/common/mqtt_packet.hpp"

namespace flow::operators {

struct MqttConnectionOptions {
  std::string url;
  MqttVersion version = MqttVersion::k5;
  std::optional<std::string> client_id;
  std::optional<std::string> username;
  std::optional<Secret> password;
  std::optional<std::string> ca_file;
  std::optional<std::string> certificate_file;
  std::optional<std::string> key_file;
  Duration keep_alive{30'000'000'000};
  Duration connect_timeout{10'000'000'000};
  Duration reconnect_delay{500'000'000};
  Duration max_reconnect_delay{30'000'000'000};
};

// Where a broker listens.
struct MqttAddress {
  std::string host;
  uint16_t port = 1883;
  bool has_tls = false;

  // "mqtt://host", "mqtts://host:8883", "mqtt://[::1]:1883". Throws OptionFailure.
  static MqttAddress parse(const std::string& url);
  std::string to_string() const;  // "host:1883"
};

// Throws OptionFailure for options that do not go together, such as `ca_file` without TLS.
MqttAddress check_mqtt_connection(const MqttConnectionOptions& options);

// The text for people of a passing trouble is the operators' own; the pause is the same for both:
// it doubles with each attempt up to the longest, a half of it at random.
int64_t mqtt_reconnect_pause(const MqttConnectionOptions& options, int attempt, uint32_t random);

namespace detail {
// A member of a base class as one of Options.
template <class Options, class T>
T Options::*mqtt_member(T MqttConnectionOptions::*member) {
  return member;
}
}  // namespace detail

// Adds the members of MqttConnectionOptions, from which Options is derived. `client_id_doc`: what
// the name is when it is not given.
template <class Options>
void describe_mqtt_connection(Description<Options>& d, const std::string& client_id_doc) {
  using detail::mqtt_member;
  d.option("url", mqtt_member<Options>(&MqttConnectionOptions::url),
           "The broker: `mqtt://host:1883`, or `mqtts://host:8883` with TLS; these ports are the "
           "usual ones and may be left out. An IPv6 address stands in brackets.")
      .required();
  d.choice("version", mqtt_member<Options>(&MqttConnectionOptions::version),
           {{"5", MqttVersion::k5}, {"3.1.1", MqttVersion::k3}},
           "The version of MQTT. With 5 a broker says why it refuses something, and how many "
           "messages may be under way is agreed on; take 3.1.1 for one that does not know it.");
  d.option("client_id", mqtt_member<Options>(&MqttConnectionOptions::client_id), client_id_doc);
  d.option("username", mqtt_member<Options>(&MqttConnectionOptions::username),
           "The name to log in with. Without one the client is anonymous.");
  d.option("password", mqtt_member<Options>(&MqttConnectionOptions::password),
           "Goes with `username`. Without TLS it crosses the network as it is.");
  d.option("ca_file", mqtt_member<Options>(&MqttConnectionOptions::ca_file),
           "With TLS: the certificates to trust, a PEM file. Left out, those of the system. The "
           "broker's certificate and name are always verified.");
  d.option("certificate_file", mqtt_member<Options>(&MqttConnectionOptions::certificate_file),
           "With TLS: the client's own certificate, a PEM file, for brokers that ask for one.");
  d.option("key_file", mqtt_member<Options>(&MqttConnectionOptions::key_file),
           "The private key of `certificate_file`, a PEM file without a passphrase.");
  d.option("keep_alive", mqtt_member<Options>(&MqttConnectionOptions::keep_alive),
           "When nothing was sent for so long, a ping is; when no answer comes for as long again, "
           "the connection counts as broken. In whole seconds.")
      .range(5e9, 65'535e9);
  d.option("connect_timeout", mqtt_member<Options>(&MqttConnectionOptions::connect_timeout),
           "How long it may take until the broker has accepted the client.")
      .range(1e8, 600e9);
  d.option("reconnect_delay", mqtt_member<Options>(&MqttConnectionOptions::reconnect_delay),
           "The first pause before the next attempt to connect. It doubles each time, up to a half "
           "of it left out at random so that many do not come at once.")
      .range(1e6, 3600e9);
  d.option("max_reconnect_delay", mqtt_member<Options>(&MqttConnectionOptions::max_reconnect_delay),
           "The longest pause.")
      .range(1e6, 3600e9);
}

}  // namespace flow::operators
