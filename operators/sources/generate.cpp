#include "operators/sources/generate.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "operators/common/rfc3339.hpp"
#include "operators/common/split_mix.hpp"

namespace flow::operators {
namespace {

constexpr const char* kPartition = "generated";
constexpr int kSensors = 1000;
constexpr int64_t kMillisecond = 1'000'000;
// How often rows become due at a given rate: within the 5 ms for which sources gather a batch.
constexpr int64_t kPace = 4 * kMillisecond;
constexpr int64_t kStart = 1'735'689'600'000 * kMillisecond;  // 2025-01-01T00:00:00Z

// Seeds that differ little must not give the same rows shifted.
uint64_t spread(int64_t seed) {
  return split_mix(0x243F6A8885A308D3U, static_cast<uint64_t>(seed));
}

// A number below `bound` from 16 bits of the hash; even enough for made-up data.
uint32_t below(uint64_t bits, uint32_t bound) {
  return (static_cast<uint32_t>(bits & 0xFFFF) * bound) >> 16;
}

Column make_sensor_names(Host host) {
  TextBuilder names(host, kSensors);
  for (int i = 1; i <= kSensors; ++i) {
    char name[] = "s-0000";
    int rest = i;
    for (int digit = 5; digit > 1; --digit, rest /= 10) {
      name[digit] = static_cast<char>('0' + rest % 10);
    }
    names.append({name, 6});
  }
  return names.finish();
}

constexpr std::array<std::string_view, 16> kPaths = {"/",
                                                     "/index.html",
                                                     "/product.php",
                                                     "/search.php?q=lamp",
                                                     "/cart.php",
                                                     "/login.php",
                                                     "/about.html",
                                                     "/blog/2025/spring-offers",
                                                     "/images/logo.png",
                                                     "/css/site.css",
                                                     "/js/site.js",
                                                     "/api/v1/items?page=2",
                                                     "/contact.html",
                                                     "/help/returns.html",
                                                     "/favicon.ico",
                                                     "/feed.xml"};
constexpr std::array<std::string_view, 8> kReferers = {"-",
                                                       "-",
                                                       "http://example.com/",
                                                       "http://example.com/search.php",
                                                       "http://example.com/index.html",
                                                       "https://www.example.org/links?id=7",
                                                       "https://search.example.net/?q=lamp+shop",
                                                       "http://example.com/product.php"};
constexpr std::array<std::string_view, 8> kAgents = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/120.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.1 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/17.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/120.0.6099.43 Mobile Safari/537.36",
    "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/16.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "curl/8.5.0"};
constexpr std::array<std::string_view, 8> kStatuses = {"200", "200", "200", "200",
                                                       "304", "404", "301", "500"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
// The fixed parts and the numbers take less than this beside the longest texts of the tables.
constexpr int64_t kLineBytes = 512;

char* put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

char* put(char* out, uint32_t number) { return std::to_chars(out, out + 10, number).ptr; }

// Ten lines a second from kStart on: 28/Oct/2025:10:15:30 +0000.
char* put_time(char* out, int64_t row) {
  char text[kRfc3339Bytes];
  format_rfc3339(kStart + row / 10 * 1000 * kMillisecond, text);
  out = put(out, {text + 8, 2});
  *out++ = '/';
  out = put(out, kMonths[static_cast<size_t>((text[5] - '0') * 10 + text[6] - '1')]);
  *out++ = '/';
  out = put(out, {text, 4});
  *out++ = ':';
  out = put(out, {text + 11, 8});
  return put(out, " +0000");
}

char* put_line(char* out, uint64_t seed, int64_t row) {
  const uint64_t bits = split_mix(seed, static_cast<uint64_t>(row));
  // 2^17 addresses of the networks that documents and benchmarks may use.
  out = put(out, "198.");
  out = put(out, 18 + static_cast<uint32_t>(bits & 1));
  *out++ = '.';
  out = put(out, static_cast<uint32_t>(bits >> 1 & 0xFF));
  *out++ = '.';
  out = put(out, static_cast<uint32_t>(bits >> 9 & 0xFF));
  out = put(out, " - - [");
  out = put_time(out, row);
  out = put(out, "] \"GET ");
  out = put(out, kPaths[bits >> 17 & 15]);
  out = put(out, " HTTP/1.1\" ");
  out = put(out, kStatuses[bits >> 21 & 7]);
  *out++ = ' ';
  out = put(out, 200 + below(bits >> 24, 60'000));
  out = put(out, " \"");
  out = put(out, kReferers[bits >> 40 & 7]);
  out = put(out, "\" \"");
  out = put(out, kAgents[bits >> 43 & 7]);
  *out++ = '"';
  return out;
}

void append_number(std::string& bytes, int64_t number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

FleetStream::Settings fleet_settings(const Generate::Options& options) {
  return {.devices = options.devices,
          .every = options.every.nanoseconds,
          .fault_share = options.fault_share};
}

ClickStream::Settings click_settings(const Generate::Options& options) {
  return {
      .users = options.users, .erase_share = options.erase_share, .has_session = options.sessions};
}

}  // namespace

void Generate::describe(Description<Options>& d) {
  d.name("generate");
  d.summary(
      "Made-up access-log lines, sensor readings, a fleet of failing devices or clicks in a shop, "
      "for trials and measurements.");
  d.doc(
      "Row number k depends on `seed` and k alone: neither the size of batches, nor the rate, nor "
      "a "
      "restart changes it, and no batch is sent twice.\n\n"
      "`access_log` gives the text column `message`, lines of the combined format from 2^17 "
      "addresses, ten to the second, starting with 2025.\n\n"
      "`sensors` gives `sensor` (category, s-0001 to s-1000), `timestamp` (one millisecond a row, "
      "starting with 2025), `temperature` (float, evenly spread over 0 to 49.99) and `humidity` "
      "(float, 20 to 99.9). It costs about 3 ns a row.\n\n"
      "`clicks` gives what the visitors of a shop do, ten clicks a second in the order of their "
      "time, starting with 2025: `timestamp`, `user` (u-000001 on; category, text of more than "
      "65,536 users), `session` (integer, 1 to 20 clicks of one user), `event` (category: view, "
      "search, cart, purchase, and with `erase_share` erase), `item` (integer, 1 to 10,000), "
      "`category` (category, one of 40), `price` (float; of one item always the same), `quantity` "
      "(integer, of cart and purchase) and `query` (text, of a search; a search and an erase have "
      "no item and price). What is popular follows Zipf's law and drifts by days; two of three "
      "clicks on an item are followed by one of its four companions, which do not change, and one "
      "in ten by something that the session has seen: what a good recommender can learn. A "
      "purchase is of the item that was put into the cart before. Clicks of a session are four "
      "minutes apart at most. Nobody is in two sessions at once, some come twenty times as often "
      "as others, and with 80,000 users or more nobody within half an hour of their last "
      "click.\n\n"
      "`fleet` gives the readings of `devices` devices with faults that are labelled: `time`, "
      "`device` (d-00001 on; category, text of more than 65,536 devices), `class` (category: "
      "freezer, pump, server, turbine), `quantity` (category; four of a device, such as "
      "temperature, "
      "humidity, vibration, power), `value` (float), `fault` (category) and `incident` (integer), "
      "both null of a healthy reading. Each quantity is read once in `every`, devices one after "
      "the "
      "other, starting with 2025. Values follow the day, wander over weeks and have noise; levels "
      "and the hour of the peak are the device's own. A fault is a `spike` (1 to 3 readings), a "
      "`level_shift` (16 to 32), a `drift` (24 to 48), a `stuck` value (16 to 40), a `burst` of "
      "all "
      "quantities of a device (6 to 18), or a `silence` (8 to 24 rounds without a reading of the "
      "device: the readings before and after it have the label); the first 128 rounds of a device "
      "are healthy. It costs about 35 ns a row.\n\n"
      "There is one partition, `generated`; its position is the number of the next row, and of a "
      "fleet its place among the readings that silences left out. Rows have no position or record "
      "of their own.");
  d.example("type = \"generate\"\ndataset = \"sensors\"\nseed = 7\nrows = 1000000\n");
  d.choice(
      "dataset", &Options::dataset,
      {{"access_log", Dataset::kAccessLog},
       {"sensors", Dataset::kSensors},
       {"clicks", Dataset::kClicks},
       {"fleet", Dataset::kFleet}},
      "What is made: lines of a web server's log, readings of 1,000 sensors, clicks in a shop, or "
      "readings of a fleet of devices with labelled faults.");
  d.option("seed", &Options::seed, "Another number gives other rows; the same, the same.");
  d.option("rows", &Options::rows,
           "How many rows there are in all, restarts included; without it there is no end.")
      .range(0, 1e18);
  d.option(
       "rate", &Options::rate,
       "Rows a second, evenly paced by the clock; without it as fast as they are taken. A pause "
       "downstream is made up for afterwards. Below some hundred a second every row travels in "
       "a batch of its own.")
      .range(1e-3, 1e9);
  d.option(
       "batch_rows", &Options::batch_rows,
       "The most rows of a batch. Larger ones save overhead and cost memory and delay: 4096 rows "
       "are about 150 KB of sensors, and 1 MB of access log.")
      .range(1, 1 << 20);
  d.option("devices", &Options::devices, "How many devices a fleet has, with four quantities each.")
      .range(1, 1'000'000);
  d.option(
       "every", &Options::every,
       "The time from one reading of a quantity of a fleet's device to the next, by `time`; the "
       "rows come as fast as `rate` says.")
      .range(1e6, 3.6e12);
  d.option("fault_share", &Options::fault_share,
           "The share of a fleet's readings that belong to a fault, about; at most 0.05 or so, "
           "since a device has no more than one fault in 128 rounds.")
      .range(0, 1);
  d.option("users", &Options::users, "How many users a shop has.").range(1, 5'000'000);
  d.option("sessions", &Options::sessions,
           "Whether clicks say their `session`. False: it is null in all of them, for a pipeline "
           "that finds the sessions itself.");
  d.option("erase_share", &Options::erase_share,
           "The share of clicks that are an `erase` instead: the user asks to be forgotten.")
      .range(0, 1);
}

void Generate::infer(const Options& options, Inference& inference) {
  if (options.dataset == Dataset::kSensors) {
    inference.output({{"sensor", Type::category()},
                      {"timestamp", Type::timestamp()},
                      {"temperature", Type::float64()},
                      {"humidity", Type::float64()}});
  } else if (options.dataset == Dataset::kClicks) {
    inference.output(ClickStream::fields(click_settings(options)));
  } else if (options.dataset == Dataset::kFleet) {
    inference.output(FleetStream::fields(fleet_settings(options)));
  } else {
    inference.output({{"message", Type::text()}});
  }
}

void Generate::open(Output& out) { SourceOutput(out).offer(kPartition); }

void Generate::assign(const std::string& partition, std::optional<std::string_view> position) {
  if (partition != kPartition) {
    throw Failure("generate has the partition 'generated' only, not '" + partition + "'");
  }
  next_ = 0;
  slot_ = 0;
  if (position) {
    const bool fleet = options_.dataset == Dataset::kFleet;
    const size_t expected = fleet ? sizeof next_ + sizeof slot_ : sizeof next_;
    if (position->size() != expected) {
      throw Failure("generate: a position of " + std::to_string(position->size()) + " bytes, not " +
                    std::to_string(expected) + "; start afresh");
    }
    std::memcpy(&next_, position->data(), sizeof next_);
    if (fleet) std::memcpy(&slot_, position->data() + sizeof next_, sizeof slot_);
    if (next_ < 0 || slot_ < 0) throw Failure("generate: a position below 0; start afresh");
  }
  assigned_ = true;
  paced_since_.reset();
}

void Generate::wake() { wake_.wake(); }

void Generate::revoke(const std::string&) { assigned_ = false; }

int64_t Generate::due(const Output& out) {
  int64_t rows = options_.batch_rows;
  if (options_.rows) rows = std::min(rows, *options_.rows - next_);
  if (options_.rate) {
    const int64_t now = out.now();
    if (!paced_since_) {
      paced_since_ = now;
      paced_from_ = next_;
    }
    // Rows become due in groups, so that a fast rate does not give a batch for each of them.
    const int64_t since = (now - *paced_since_) / kPace * kPace;
    const double elapsed = static_cast<double>(since) * 1e-9;
    const auto allowed = static_cast<int64_t>(elapsed * *options_.rate) + 1;
    rows = std::min(rows, allowed - (next_ - paced_from_));
  }
  return std::max<int64_t>(rows, 0);
}

std::string Generate::position() const {
  std::string bytes;
  append_number(bytes, next_);
  if (options_.dataset == Dataset::kFleet) append_number(bytes, slot_);
  return bytes;
}

Status Generate::poll(SourceOutput& out) {
  if (!assigned_) return Status::kIdle;
  if (options_.rows && next_ >= *options_.rows) {
    out.end(kPartition, position());
    return Status::kEnd;
  }
  int64_t rows = due(out.out());
  if (rows == 0) {
    wake_.wait({}, kPace / kMillisecond);
    rows = due(out.out());
    if (rows == 0) return Status::kIdle;
  }
  const Batch batch = options_.dataset == Dataset::kSensors  ? sensors(out.out(), rows)
                      : options_.dataset == Dataset::kClicks ? clicks(out.out(), rows)
                      : options_.dataset == Dataset::kFleet  ? fleet(out.out(), rows)
                                                             : access_log(out.out(), rows);
  next_ += rows;
  out.emit(batch, kPartition, position());
  return Status::kDone;
}

Batch Generate::sensors(Output& out, int64_t rows) {
  if (!sensor_names_) sensor_names_ = make_sensor_names(out);
  const uint64_t seed = spread(options_.seed);
  const Buffer codes = out.allocate(rows * static_cast<int64_t>(sizeof(int32_t)));
  TimestampBuilder timestamps(out, rows);
  Float64Builder temperatures(out, rows);
  Float64Builder humidities(out, rows);
  auto* const code = static_cast<int32_t*>(codes->data);
  int64_t* const timestamp = timestamps.data();
  double* const temperature = temperatures.data();
  double* const humidity = humidities.data();
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t row = next_ + i;
    const uint64_t bits = split_mix(seed, static_cast<uint64_t>(row));
    code[i] = static_cast<int32_t>(below(bits, kSensors));
    timestamp[i] = kStart + row * kMillisecond;
    // Divided, not multiplied: so they are the doubles nearest to two decimals.
    temperature[i] = static_cast<double>(static_cast<int32_t>(below(bits >> 16, 5000))) / 100.0;
    humidity[i] = static_cast<double>(static_cast<int32_t>(200 + below(bits >> 32, 800))) / 10.0;
  }
  flow_column_parts parts{};
  parts.size = sizeof parts;
  parts.type = FLOW_CATEGORY;
  parts.rows = rows;
  parts.values = codes.get();
  parts.dictionary = sensor_names_.get();
  flow_origin origin{};
  origin.size = sizeof origin;
  origin.partition = kPartition;
  return out.make(rows,
                  {{"sensor", {out.column(parts), Type::category()}},
                   {"timestamp", {timestamps.finish(), Type::timestamp()}},
                   {"temperature", {temperatures.finish(), Type::float64()}},
                   {"humidity", {humidities.finish(), Type::float64()}}},
                  &origin);
}

Batch Generate::clicks(Output& out, int64_t rows) {
  if (!clicks_) clicks_.emplace(spread(options_.seed), click_settings(options_));
  flow_origin origin{};
  origin.size = sizeof origin;
  origin.partition = kPartition;
  return clicks_->batch(out, next_, rows, origin);
}

Batch Generate::fleet(Output& out, int64_t rows) {
  if (!fleet_) fleet_.emplace(spread(options_.seed), fleet_settings(options_));
  flow_origin origin{};
  origin.size = sizeof origin;
  origin.partition = kPartition;
  return fleet_->batch(out, slot_, rows, origin);
}

Batch Generate::access_log(Output& out, int64_t rows) const {
  const uint64_t seed = spread(options_.seed);
  // Lines are some 200 bytes on average; what the last ones could need is there as well.
  TextBuilder messages(out, rows);
  Buffer bytes;
  char* at = nullptr;
  const char* limit = nullptr;
  int32_t number = 0;
  for (int64_t i = 0; i < rows; ++i) {
    if (limit - at < kLineBytes) {
      bytes = out.allocate(std::max((rows - i) * 256, 2 * kLineBytes));
      number = messages.share(bytes);
      at = static_cast<char*>(bytes->data);
      limit = at + bytes->capacity;
    }
    char* const end = put_line(at, seed, next_ + i);
    messages.append_shared({at, static_cast<size_t>(end - at)}, number,
                           static_cast<const char*>(bytes->data));
    at = end;
  }
  flow_origin origin{};
  origin.size = sizeof origin;
  origin.partition = kPartition;
  return out.make(rows, {{"message", {messages.finish(), Type::text()}}}, &origin);
}

}  // namespace flow::operators
