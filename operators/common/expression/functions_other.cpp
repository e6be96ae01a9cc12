// Functions of conditions, addresses, hashes and JSON.
#include <openssl/sha.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>
#include <charconv>
#include <string>

#include "flow/host.hpp"
#include "operators/common/address.hpp"
#include "operators/common/expression/conversions.hpp"
#include "operators/common/expression/functions.hpp"
#include "operators/common/expression/json_path.hpp"
#include "operators/common/expression/kernels.hpp"
#include "operators/common/expression/operators.hpp"

namespace flow::operators {
namespace {

constexpr size_t kMost = Program::kMostInputs;
using Text = std::string_view;

// ---- networks ----

// An address of either family as sixteen bytes; IPv4 in its mapped form.
bool read_address(Text text, Ipv6Address& address, bool& is_ipv4) {
  uint32_t ipv4 = 0;
  is_ipv4 = parse_ipv4(text, ipv4);
  if (!is_ipv4) {
    const std::optional<Ipv6Address> ipv6 = parse_ipv6(text);
    if (!ipv6) return false;
    address = *ipv6;
    return true;
  }
  address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  for (size_t i = 0; i < 4; ++i) address[12 + i] = static_cast<uint8_t>(ipv4 >> (24 - 8 * i));
  return true;
}

struct Networks final : StepData {
  struct Network {
    Ipv6Address address;
    unsigned bits;
  };
  std::vector<Network> each;
};

bool lies_in(const Ipv6Address& address, const Networks::Network& network) {
  const size_t whole = network.bits / 8;
  if (!std::equal(address.begin(), address.begin() + static_cast<ptrdiff_t>(whole),
                  network.address.begin())) {
    return false;
  }
  const unsigned rest = network.bits % 8;
  return rest == 0 || (address[whole] ^ network.address[whole]) >> (8 - rest) == 0;
}

void network_kernel(const StepCall& call) {
  const auto& networks = call.data<Networks>().each;
  try_one<uint8_t, Text>(call, [&networks](Text text, uint8_t& result) {
    Ipv6Address address{};
    bool is_ipv4 = false;
    if (!read_address(text, address, is_ipv4)) return false;
    for (const Networks::Network& network : networks) {
      result |= lies_in(address, network) ? 1 : 0;
    }
    return true;
  });
}

int bind_network(const BoundCall& call) {
  auto networks = std::make_shared<Networks>();
  std::string key = "ip_in_network";
  for (size_t i = 1; i < call.size(); ++i) {
    const std::string written = call.binder.constant_text(call[i], call.offset(i), "a network");
    const size_t slash = written.find('/');
    Networks::Network network{};
    bool is_ipv4 = false;
    bool known = read_address(Text(written).substr(0, slash), network.address, is_ipv4);
    unsigned bits = is_ipv4 ? 32 : 128;
    if (slash != std::string::npos) {
      const char* const end = written.data() + written.size();
      const unsigned most = bits;
      const auto read = std::from_chars(written.data() + slash + 1, end, bits);
      known = known && read.ec == std::errc() && read.ptr == end && bits <= most;
    }
    if (!known) {
      call.binder.fail(call.offset(i), "'" + written +
                                           "' is no network: write one like "
                                           "'10.0.0.0/8' or '2001:db8::/32'");
    }
    network.bits = is_ipv4 ? bits + 96 : bits;
    networks->each.push_back(network);
    key.append("\x1f").append(written);
  }
  return call.binder.strict(key, Kind::kBool, network_kernel,
                            {call.binder.as_text(call[0], call.offset(0))}, networks);
}

// ---- hashes ----

void sha256_kernel(const StepCall& call) {
  map_one<Text, Text>(call, [&call](Text text) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    constexpr Text kDigits = "0123456789abcdef";
    char* const out = call.out.texts.reserve(2 * digest.size());
    for (size_t i = 0; i < digest.size(); ++i) {
      out[2 * i] = kDigits[digest[i] >> 4];
      out[2 * i + 1] = kDigits[digest[i] & 15];
    }
    return Text(out, 2 * digest.size());
  });
}

void xxhash_kernel(const StepCall& call) {
  map_one<int64_t, Text>(call, [](Text text) {
    return static_cast<int64_t>(XXH3_64bits(text.data(), text.size()) >> 1);
  });
}

int bind_hash(const BoundCall& call, Kind kind, Kernel kernel) {
  Binder& binder = call.binder;
  int bytes = call[0];
  if (binder.kind(bytes) != Kind::kBinary) {
    bytes = find_function("to_text")->bind({binder, call.node, call.arguments});
  }
  return binder.strict(call.node.name, kind, kernel, {bytes});
}

// ---- JSON ----

struct PathData final : StepData {
  JsonPath path;
};

void get_kernel(const StepCall& call) {
  const JsonPath& path = call.data<PathData>().path;
  const bool checked = call.step.number != 0;
  try_one<Text, Text>(call, [&path, checked](Text token, Text& value) {
    return checked ? path.find_checked(token, value) : path.find(token, value);
  });
}

int bind_get(const BoundCall& call) {
  Binder& binder = call.binder;
  const std::string written = binder.constant_text(call[1], call.offset(1), "a path");
  auto data = std::make_shared<PathData>();
  try {
    data->path = JsonPath::compile(written);
  } catch (const Failure& failure) {
    binder.fail(call.offset(1), failure.what());
  }
  const Kind kind = binder.kind(call[0]);
  const int json = kind == Kind::kJson ? call[0] : binder.as_text(call[0], call.offset(0));
  return binder.strict("get " + written, Kind::kJson, get_kernel, {json}, data,
                       kind == Kind::kJson ? 0 : 1);
}

// ---- conditions ----

int bind_if(const BoundCall& call) {
  Binder& binder = call.binder;
  const int condition = binder.as_bool(call[0], call.offset(0));
  int yes = call[1];
  int no = call[2];
  binder.unify(yes, no, call.offset(2));
  if (binder.kind(yes) == Kind::kNull) return yes;
  if (binder.program().is_constant(condition)) {
    return *binder.program().step(condition).result.as<uint8_t>() != 0 ? yes : no;
  }
  const Kind kind = binder.kind(yes);
  return binder.program().add("if", kind, choose_kernel(kind), {condition, yes, no});
}

int bind_coalesce(const BoundCall& call) {
  Binder& binder = call.binder;
  int result = call[0];
  for (size_t i = 1; i < call.size(); ++i) {
    int next = call[i];
    binder.unify(result, next, call.offset(i));
    if (binder.is_null(result)) {
      result = next;
    } else if (!binder.program().is_constant(result) && !binder.is_null(next)) {
      const Kind kind = binder.kind(result);
      result = binder.program().add("coalesce", kind, coalesce_kernel(kind), {result, next});
    }
  }
  return result;
}

const std::array<Function, 6> kFunctions = {{
    {"if", "Conditions", "if(condition, a, b) -> the type of a and b",
     "a where the condition is true, b where it is false or null.", "if(404 >= 400, 'bad', 'good')",
     "'bad'", 3, 3, bind_if},
    {"coalesce", "Conditions", "coalesce(value, ...) -> their type",
     "The first of the values that is not null.", "coalesce(null, 'none')", "'none'", 1, kMost,
     bind_coalesce},
    {"ip_in_network", "Network", "ip_in_network(text, 'network', ...) -> bool",
     "Whether the address lies in one of the networks, IPv4 or IPv6; null if the text is no "
     "address.",
     "ip_in_network('10.1.2.3', '10.0.0.0/8', 'fc00::/7')", "true", 2, kMost, bind_network},
    {"sha256", "Hashes", "sha256(value) -> text",
     "The SHA-256 of the bytes of to_text(value), as 64 hexadecimal digits.",
     "substring(sha256('abc'), 0, 16)", "'ba7816bf8f01cfea'", 1, 1,
     [](const BoundCall& call) { return bind_hash(call, Kind::kText, sha256_kernel); }},
    {"xxhash", "Hashes", "xxhash(value) -> int",
     "A fast hash of the bytes of to_text(value): the upper 63 bits of XXH3. Not against "
     "adversaries.",
     "xxhash('user-17') % 100 < 100", "true", 1, 1,
     [](const BoundCall& call) { return bind_hash(call, Kind::kInt, xxhash_kernel); }},
    {"get", "JSON", "get(json, 'path') -> json",
     "What stands at the path of keys and list places, eg user.tags[0] or [\"a key\"]; null if "
     "there is nothing, or the text is no JSON. A number or text among JSON counts as one where "
     "one is needed.",
     "to_text(get('{\"user\":{\"tags\":[\"new\"]}}', 'user.tags[0]'))", "'new'", 2, 2, bind_get},
}};

}  // namespace

std::span<const Function> other_functions() { return kFunctions; }

}  // namespace flow::operators
