#include "operators/transforms/geoip.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <thread>

#include "flow/testing/harness.hpp"
#include "tests/operators/transforms/mmdb_writer.hpp"

namespace flow::operators::geoip_test {
namespace {

using test::MmdbWriter;
using test::TemporaryFolder;
using testing::Cell;
using testing::Harness;
using testing::Setting;
using testing::Settings;
using testing::Table;
namespace mmdb = test::mmdb;

Cell location(double lat, double lon) { return Cell::structure({{"lat", lat}, {"lon", lon}}); }

std::string nested_record(const std::string& city, const std::string& country, double lat,
                          double lon) {
  return mmdb::map({{"city", mmdb::names(city)},
                    {"country", mmdb::names(country)},
                    {"location", mmdb::map({{"latitude", mmdb::number(lat)},
                                            {"longitude", mmdb::number(lon)}})}});
}

// A small city database as MaxMind shapes them.
MmdbWriter city_database(int ip_version = 4, int record_size = 24) {
  MmdbWriter writer("GeoLite2-City", ip_version, record_size);
  writer.add_ipv4({203, 0, 113, 0}, 24, nested_record("Paris", "France", 48.8566, 2.3522));
  writer.add_ipv4({198, 51, 100, 0}, 25,
                  mmdb::map({{"country", mmdb::names("Germany")},
                             {"location", mmdb::map({{"latitude", mmdb::number(51.0)}})}}));
  if (ip_version == 6) {
    writer.add(std::string("\x20\x01\x0d\xb8", 4) + std::string(12, '\0'), 32,
               nested_record("Oslo", "Norway", 59.9, 10.7));
  }
  return writer;
}

class GeoipTest : public ::testing::Test {
 protected:
  Table locate(const Settings& settings, std::vector<Cell> hosts) {
    auto harness = Harness::of<Geoip>(settings);
    harness.push({{"host", Type::text(), std::move(hosts)}});
    return harness.pull();
  }
  // Why the databases are refused.
  std::string refusal(const Settings& settings) {
    try {
      Harness::of<Geoip>(settings);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "";
  }
  std::string refusal_of(const std::string& bytes) {
    return refusal({{"database", folder_.write("refused.mmdb", bytes)}});
  }
  TemporaryFolder folder_;
};

TEST_F(GeoipTest, GivesCityCountryAndLocation) {
  for (const int ip_version : {4, 6}) {
    for (const int record_size : {24, 28, 32}) {
      const std::string path =
          folder_.write("city.mmdb", city_database(ip_version, record_size).bytes());
      EXPECT_EQ(
          locate({{"database", path}}, {"203.0.113.42", "198.51.100.1", "192.0.2.1", nullptr,
                                        "203.0.113.255", "203.0.114.0", "198.51.100.128"}),
          (Table{{"host",
                  {"203.0.113.42", "198.51.100.1", "192.0.2.1", nullptr, "203.0.113.255",
                   "203.0.114.0", "198.51.100.128"}},
                 {"city", {"Paris", nullptr, nullptr, nullptr, "Paris", nullptr, nullptr}},
                 {"country", {"France", "Germany", nullptr, nullptr, "France", nullptr, nullptr}},
                 {"location",
                  {location(48.8566, 2.3522), Cell::structure({{"lat", 51.0}, {"lon", nullptr}}),
                   nullptr, nullptr, location(48.8566, 2.3522), nullptr, nullptr}}}));
    }
  }
}

TEST_F(GeoipTest, ChildrenOfAMissingLocationAreNullThemselves) {
  const std::string path = folder_.write("city.mmdb", city_database().bytes());
  auto harness = Harness::of<Geoip>({{"database", path}});
  harness.push({{"host", {"192.0.2.1", "203.0.113.1"}}});
  const Batch batch = harness.pull_batches().at(0);
  EXPECT_TRUE(Float64View(*batch.find("location.lat")).is_null(0));
  EXPECT_EQ(Float64View(*batch.find("location.lon"))[1], 2.3522);
  EXPECT_EQ(batch.find("city")->type, FLOW_CATEGORY);
}

TEST_F(GeoipTest, LooksUpIpv6AndWhatIsMappedIntoIt) {
  const std::string path = folder_.write("city.mmdb", city_database(6).bytes());
  const std::vector<Cell> hosts = {"2001:db8::1",    "2001:db9::1", "::ffff:203.0.113.9",
                                   "[2001:db8::2]",  "2001:db8::1", "2001:db8:ffff::%eth0",
                                   "2001:db8::12345"};
  EXPECT_EQ(locate({{"database", path}}, hosts)["city"],
            (std::vector<Cell>{"Oslo", nullptr, "Paris", "Oslo", "Oslo", "Oslo", nullptr}));
  const std::string ipv4 = folder_.write("ipv4.mmdb", city_database(4).bytes());
  EXPECT_EQ(locate({{"database", ipv4}}, hosts)["city"],
            (std::vector<Cell>{nullptr, nullptr, "Paris", nullptr, nullptr, nullptr, nullptr}));
}

TEST_F(GeoipTest, CountsWhatIsNoAddressAndWhatIsUnknown) {
  const std::string path = folder_.write("city.mmdb", city_database().bytes());
  auto harness = Harness::of<Geoip>({{"database", path}});
  harness.push(
      {{"host", {"example.com", "203.0.113.1", "192.0.2.1", "", "999.1.1.1", "1.2.3.4.5"}}});
  EXPECT_EQ(harness.metric("geoip_not_an_address"), 4);
  EXPECT_EQ(harness.metric("geoip_unknown"), 5);
  EXPECT_EQ(harness.metric("geoip_damaged_records"), 0);
  EXPECT_TRUE(harness.failed().empty());
  EXPECT_EQ(harness.pull().rows(), 6);
}

TEST_F(GeoipTest, RecognisesFlatDatabases) {
  MmdbWriter writer("city ipv4");
  writer.add_ipv4({203, 0, 113, 0}, 24,
                  mmdb::map({{"city", mmdb::text("Paris")},
                             {"country_code", mmdb::text("FR")},
                             {"latitude", mmdb::small_number(48.8566F)},
                             {"longitude", mmdb::small_number(2.3522F)}}));
  writer.add_ipv4({198, 51, 100, 0}, 24,
                  mmdb::map({{"city", mmdb::text("")}, {"country_code", mmdb::text("DE")}}));
  const Table table = locate({{"database", folder_.write("flat.mmdb", writer.bytes())}},
                             {"203.0.113.1", "198.51.100.1"});
  EXPECT_EQ(table["city"], (std::vector<Cell>{"Paris", nullptr}));
  EXPECT_EQ(table["country"], (std::vector<Cell>{"FR", "DE"}));
  EXPECT_EQ(table["location"], (std::vector<Cell>{location(48.8566, 2.3522), nullptr}));
}

TEST_F(GeoipTest, SeveralDatabasesGiveTheirColumnsTogether) {
  MmdbWriter networks("GeoLite2-ASN");
  networks.add_ipv4({203, 0, 0, 0}, 8,
                    mmdb::map({{"autonomous_system_number", mmdb::integer(64496)},
                               {"autonomous_system_organization", mmdb::text("Example")}}));
  const Table table =
      locate({{"database", folder_.write("city.mmdb", city_database().bytes())},
              {"databases", std::vector<std::string>{folder_.write("asn.mmdb", networks.bytes())}}},
             {"203.0.113.1", "203.1.0.0", "198.51.100.1"});
  EXPECT_EQ(table["city"], (std::vector<Cell>{"Paris", nullptr, nullptr}));
  EXPECT_EQ(table["country"], (std::vector<Cell>{"France", nullptr, "Germany"}));
  EXPECT_EQ(table["asn"], (std::vector<Cell>{64496, 64496, nullptr}));
  EXPECT_EQ(table["as_organization"], (std::vector<Cell>{"Example", "Example", nullptr}));
}

TEST_F(GeoipTest, FieldsNameAnyValue) {
  MmdbWriter writer("Example");
  writer.add_ipv4(
      {192, 0, 2, 0}, 24,
      mmdb::map({{"regions", mmdb::array({mmdb::names("first"), mmdb::names("second")})},
                 {"count", mmdb::integer(7)},
                 {"proxy", mmdb::boolean(true)},
                 {"where", mmdb::map({{"x", mmdb::number(1.5)}})}}));
  const std::string path = folder_.write("example.mmdb", writer.bytes());
  const Table table =
      locate({{"database", path},
              {"fields", Setting::table({{"region", "regions.1.names.en"},
                                         {"n", "count"},
                                         {"is_proxy", "proxy"},
                                         {"place", Setting::table({{"x", "where.x"}})}})}},
             {"192.0.2.1", "192.0.3.1"});
  EXPECT_EQ(table["region"], (std::vector<Cell>{"second", nullptr}));
  EXPECT_EQ(table["n"], (std::vector<Cell>{7, nullptr}));
  EXPECT_EQ(table["is_proxy"], (std::vector<Cell>{true, nullptr}));
  EXPECT_EQ(table["place"], (std::vector<Cell>{Cell::structure({{"x", 1.5}}), nullptr}));

  const auto refused = [&](const Setting& fields) {
    return refusal({{"database", path}, {"fields", fields}});
  };
  EXPECT_NE(
      refused(Setting::table({{"a", "nothing.here"}})).find("no record has a value 'nothing.here'"),
      std::string::npos);
  EXPECT_NE(refused(Setting::table({{"a", "where"}})).find("is no single text"), std::string::npos);
  EXPECT_NE(refused(Setting::table({{"a", 7}})).find("fields.a: needs the path"),
            std::string::npos);
  EXPECT_NE(refusal({{"database", path}}).find("is of no known kind"), std::string::npos);
}

TEST_F(GeoipTest, PointersAreFollowed) {
  MmdbWriter writer("GeoLite2-City");
  const uint32_t key = writer.add_data(mmdb::text("city"));
  const uint32_t value = writer.add_data(mmdb::names("Paris"));
  writer.add_ipv4({203, 0, 113, 0}, 24,
                  mmdb::head(7, 2) + mmdb::pointer(key) + mmdb::pointer(value) +
                      mmdb::text("country") + mmdb::names("France"));
  EXPECT_EQ(
      locate({{"database", folder_.write("a.mmdb", writer.bytes())}}, {"203.0.113.1"})["city"],
      std::vector<Cell>{"Paris"});
}

TEST_F(GeoipTest, RefusesWhatIsNoDatabase) {
  EXPECT_NE(refusal({}).find("database: name a file"), std::string::npos);
  EXPECT_NE(refusal({{"database", "/does/not/exist.mmdb"}}).find("No such file"),
            std::string::npos);
  EXPECT_NE(refusal({{"database", folder_.path().string()}}).find("no regular file"),
            std::string::npos);
  const std::string good = city_database().bytes();
  for (const std::string& bytes :
       {std::string(), std::string("not a database"), std::string(100'000, '\xff'),
        good.substr(0, good.size() / 2), good.substr(good.size() - 40),
        std::string("\xab\xcd\xefMaxMind.com"), good.substr(0, good.size() - 60)}) {
    EXPECT_NE(refusal_of(bytes).find("is no usable MaxMind database"), std::string::npos)
        << refusal_of(bytes);
  }
}

TEST_F(GeoipTest, RefusesDamagedDatabases) {
  MmdbWriter lie = city_database();
  lie.lie_about_nodes(1'000'000);
  EXPECT_NE(refusal_of(lie.bytes()), "");
  MmdbWriter shifted = city_database();
  shifted.lie_about_nodes(3);
  EXPECT_NE(refusal_of(shifted.bytes()), "");

  const auto record = [](const std::string& bytes) {
    MmdbWriter writer("GeoLite2-City");
    writer.add_ipv4({203, 0, 113, 0}, 24, bytes);
    return writer.bytes();
  };
  const std::string endless = mmdb::head(7, 1) + mmdb::text("a");
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += endless;
  for (const std::string& bytes :
       {std::string("\xff\xff\xff\xff", 4), std::string("\x3f\xff\xff\xff\xff\xff", 6),
        mmdb::pointer(0), mmdb::map({{"city", mmdb::text("a")}}).substr(0, 6) + "\x5f\xff\xff\xff",
        deep, mmdb::head(11, 284) + "\x01", std::string("\xe1\x01", 2)}) {
    EXPECT_NE(refusal_of(record(bytes)).find("its data does not fit its index"), std::string::npos);
  }
}

TEST_F(GeoipTest, DamageFoundLaterGivesNullAndIsCounted) {
  MmdbWriter writer = city_database();
  // A pointer in place of a city's names that leads to itself is met only by who wants it.
  const uint32_t loop = writer.add_data(mmdb::pointer(0));
  writer.add_ipv4({10, 0, 0, 0}, 8,
                  mmdb::map({{"country", mmdb::names("Nowhere")}, {"city", mmdb::pointer(loop)}}));
  auto harness = Harness::of<Geoip>({{"database", folder_.write("a.mmdb", writer.bytes())}});
  harness.push({{"host", {"203.0.113.1", "10.0.0.1"}}});
  EXPECT_EQ(harness.pull()["city"], (std::vector<Cell>{"Paris", nullptr}));
  EXPECT_EQ(harness.metric("geoip_damaged_records"), 1);
}

TEST_F(GeoipTest, TextThatIsNoUtf8IsDamage) {
  MmdbWriter writer = city_database();
  writer.add_ipv4({10, 0, 0, 0}, 8, nested_record("\xff\xfe", "Nowhere", 1, 1));
  auto harness = Harness::of<Geoip>({{"database", folder_.write("a.mmdb", writer.bytes())}});
  harness.push({{"host", {"10.0.0.1", "203.0.113.1"}}});
  EXPECT_EQ(harness.pull()["city"], (std::vector<Cell>{nullptr, "Paris"}));
  EXPECT_EQ(harness.metric("geoip_damaged_records"), 1);
}

TEST_F(GeoipTest, AReplacedFileIsOpenedWithoutAStop) {
  const std::string path = folder_.write("city.mmdb", city_database().bytes());
  auto harness = Harness::of<Geoip>({{"database", path}, {"reload", 10'000'000'000LL}});
  const Table hosts = {{"host", {"203.0.113.1"}}};
  const auto city = [&] {
    harness.push(hosts);
    return harness.pull()["city"][0];
  };
  int64_t now = harness.host().clock;
  EXPECT_EQ(city(), Cell("Paris"));

  MmdbWriter moved("GeoLite2-City");
  moved.add_ipv4({203, 0, 113, 0}, 24, nested_record("Lyon", "France", 45.7, 4.8));
  folder_.write("city.mmdb", moved.bytes());
  harness.set_clock(now + 9'000'000'000);
  EXPECT_EQ(city(), Cell("Paris"));
  harness.set_clock(now += 10'000'000'000);
  EXPECT_EQ(city(), Cell("Lyon"));

  const size_t logs = harness.host().logs.size();
  folder_.write("city.mmdb", "broken");
  for (int i = 0; i < 3; ++i) {
    harness.set_clock(now += 10'000'000'000);
    EXPECT_EQ(city(), Cell("Lyon"));
  }
  ASSERT_EQ(harness.host().logs.size(), logs + 1);
  EXPECT_EQ(harness.host().logs.back().first, FLOW_LOG_WARNING);

  std::filesystem::remove(path);
  harness.set_clock(now += 10'000'000'000);
  EXPECT_EQ(city(), Cell("Lyon"));
  folder_.write("city.mmdb", city_database().bytes());
  harness.set_clock(now += 10'000'000'000);
  EXPECT_EQ(city(), Cell("Paris"));
}

TEST_F(GeoipTest, AReplacementWithOtherTypesIsRefused) {
  MmdbWriter first("Example");
  first.add_ipv4({192, 0, 2, 0}, 24, mmdb::map({{"a", mmdb::integer(1)}}));
  MmdbWriter second("Example");
  second.add_ipv4({192, 0, 2, 0}, 24, mmdb::map({{"a", mmdb::text("one")}}));
  auto harness = Harness::of<Geoip>({{"database", folder_.write("a.mmdb", first.bytes())},
                                     {"fields", Setting::table({{"a", "a"}})}});
  folder_.write("a.mmdb", second.bytes());
  harness.set_clock(harness.host().clock + 60'000'000'000);
  harness.push({{"host", {"192.0.2.1"}}});
  EXPECT_EQ(harness.pull()["a"], std::vector<Cell>{1});
  EXPECT_NE(harness.host().logs.back().second.find("'a' is text in it, and was int64"),
            std::string::npos);
}

TEST_F(GeoipTest, AReplacementOfAnotherKindIsRefused) {
  const std::string path = folder_.write("city.mmdb", city_database().bytes());
  auto harness = Harness::of<Geoip>({{"database", path}});
  MmdbWriter networks("GeoLite2-ASN");
  networks.add_ipv4({203, 0, 0, 0}, 8,
                    mmdb::map({{"autonomous_system_number", mmdb::integer(64496)}}));
  folder_.write("city.mmdb", networks.bytes());
  harness.set_clock(harness.host().clock + 60'000'000'000);
  harness.push({{"host", {"203.0.113.1"}}});
  EXPECT_EQ(harness.pull()["city"], std::vector<Cell>{"Paris"});
  EXPECT_NE(harness.host().logs.back().second.find("it is of another kind"), std::string::npos);
}

TEST_F(GeoipTest, ASmallCacheGivesTheSameAnswers) {
  MmdbWriter writer("GeoLite2-City");
  for (int i = 0; i < 200; ++i) {
    writer.add_ipv4({10, static_cast<uint8_t>(i), 0, 0}, 16,
                    nested_record("city " + std::to_string(i), "X", i, -i));
  }
  auto harness =
      Harness::of<Geoip>({{"database", folder_.write("a.mmdb", writer.bytes())}, {"cache", 1024}});
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    std::vector<Cell> hosts, cities;
    for (int i = 0; i < 1000; ++i) {
      const auto second = random() % 256;
      hosts.emplace_back("10." + std::to_string(second) + "." + std::to_string(random() % 256) +
                         "." + std::to_string(random() % 256));
      cities.emplace_back(second < 200 ? Cell("city " + std::to_string(second)) : Cell());
    }
    harness.push({{"host", hosts}});
    EXPECT_EQ(harness.pull()["city"], cities);
  }
}

TEST_F(GeoipTest, InstancesShareWhatTheyFind) {
  MmdbWriter writer("GeoLite2-City");
  for (int i = 0; i < 200; ++i) {
    writer.add_ipv4({10, static_cast<uint8_t>(i), 0, 0}, 16,
                    nested_record("city " + std::to_string(i), "X", i, -i));
  }
  Geoip::Options options;
  options.database = folder_.write("a.mmdb", writer.bytes());
  testing::TestHost shared_host;
  Geoip::Shared shared(options, shared_host.host());
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      testing::TestHost host;
      Output out(host.abi());
      Geoip geoip(options, shared);
      geoip.open(out);
      std::mt19937 random(static_cast<unsigned>(t));
      for (int round = 0; round < 20; ++round) {
        flow::TextBuilder builder(out, 500);
        std::vector<unsigned> seconds;
        for (int i = 0; i < 500; ++i) {
          seconds.push_back(random() % 200);
          builder.append("10." + std::to_string(seconds.back()) + "." +
                         std::to_string(random() % 100) + ".1");
        }
        geoip.process(out.make(500, {{"host", {builder.finish(), Type::text()}}}, nullptr), out);
        const Batch batch = host.emitted[0].back();
        const CategoryView city(*batch.find("city"));
        const Float64View lat(*batch.find("location.lat"));
        for (int i = 0; i < 500; ++i) {
          const unsigned expected = seconds[static_cast<size_t>(i)];
          wrong[t] += city[i] != "city " + std::to_string(expected) || lat[i] != expected ? 1 : 0;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4));
}

TEST(GeoipRealDatabases, MaxmindsTestDatabasesAreRead) {
  const char* const shared = std::getenv("FLOWRUN_SHARED_DIR");
  const std::filesystem::path folder =
      (shared != nullptr ? std::filesystem::path(shared)
                         : std::filesystem::path(FLOWRUN_SOURCE_DIR) / "../shared") /
      "data/weblogs";
  if (!std::filesystem::exists(folder / "GeoIP2-City-Test.mmdb")) {
    GTEST_SKIP() << "GeoIP2-City-Test.mmdb of MaxMind's test data is not in " << folder;
  }
  auto harness = Harness::of<Geoip>(
      {{"database", (folder / "GeoIP2-City-Test.mmdb").string()},
       {"databases", std::vector<std::string>{folder / "GeoLite2-ASN-Test.mmdb"}}});
  harness.push({{"host", {"81.2.69.160", "1.128.0.0", "2001:218::1", "127.0.0.1"}}});
  const Table table = harness.pull();
  EXPECT_EQ(table["city"], (std::vector<Cell>{"London", nullptr, nullptr, nullptr}));
  EXPECT_EQ(table["country"], (std::vector<Cell>{"United Kingdom", nullptr, "Japan", nullptr}));
  EXPECT_EQ(table["location"][0], location(51.5142, -0.0931));
  EXPECT_EQ(table["asn"][1], Cell(1221));
  EXPECT_EQ(table["as_organization"][1], Cell("Telstra Pty Ltd"));
}

}  // namespace
}  // namespace flow::operators::geoip_test
