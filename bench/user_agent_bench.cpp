// How fast the user-agent parser is, and what it weighs.
//
// usage: user_agent_bench [UAP_CORE_FOLDER [ROUNDS]]          (defaults: /usr/share/uap-core, 5)
//
// Agents: every distinct one of uap-core's test files and of its list of browsers. Nothing is
// cached between agents. Each round parses all of them on one thread; the figure is the median
// round. The digest of all results must be the same in each round.
#include <malloc.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "operators/common/user_agent_parser.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using flow::operators::UserAgent;
using flow::operators::UserAgentParser;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// Resident memory of the process, in MiB, after giving back what is free.
double resident_mebibytes() {
  ::malloc_trim(0);
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmRSS:", 0) == 0) return std::strtod(line.c_str() + 6, nullptr) / 1024;
  }
  return 0;
}

std::vector<std::string> read_agents(const std::string& folder) {
  std::set<std::string> agents;
  for (const char* const name : {"test_ua", "test_os", "test_device"}) {
    const YAML::Node file = YAML::LoadFile(folder + "/tests/" + name + ".yaml");
    for (const YAML::Node& test : file["test_cases"])
      agents.insert(test["user_agent_string"].as<std::string>());
  }
  std::ifstream list(folder + "/test_resources/pgts_browser_list.txt");
  for (std::string line; std::getline(list, line);) {
    const auto tab = line.rfind('\t');
    if (tab != std::string::npos) agents.insert(line.substr(tab + 1));
  }
  return {agents.begin(), agents.end()};
}

std::size_t digest(const UserAgent& agent) {
  const std::hash<std::string> hash;
  std::size_t value = static_cast<std::size_t>(agent.device_type);
  for (const std::string* const field :
       {&agent.browser, &agent.browser_major, &agent.os_family, &agent.os_major,
        &agent.device_family, &agent.device_model}) {
    value = value * 31 + hash(*field);
  }
  return value;
}

struct Round {
  double milliseconds;
  std::size_t digest;
};

Round parse_all(const UserAgentParser& parser, const std::vector<std::string>& agents) {
  std::size_t sum = 0;
  const auto start = Clock::now();
  for (const std::string& agent : agents) sum += digest(parser.parse(agent));
  return {milliseconds_since(start), sum};
}

}  // namespace

int main(int argc, char** argv) {
#ifndef __OPTIMIZE__
  std::cerr << "warning: built without optimisation, the figures mean nothing\n";
#endif
  const std::string folder = argc > 1 ? argv[1] : "/usr/share/uap-core";
  const int rounds = argc > 2 ? std::max(1, std::atoi(argv[2])) : 5;
  const double before = resident_mebibytes();
  auto start = Clock::now();
  const auto parser = UserAgentParser::load(folder + "/regexes.yaml");
  const double load = milliseconds_since(start);
  start = Clock::now();
  const UserAgent first = parser->parse(
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
      "Chrome/120.0.0.0 Safari/537.36");
  const double first_parse = milliseconds_since(start);
  std::cout << std::fixed << std::setprecision(1);
  std::cout << "load                   " << load << " ms for " << parser->expression_count()
            << " expressions, " << resident_mebibytes() - before << " MiB\n"
            << "first parse            " << first_parse << " ms (" << first.browser << ", "
            << first.os_family << ", " << to_string(first.device_type) << ")\n";

  const std::vector<std::string> agents = read_agents(folder);
  const double with_agents = resident_mebibytes();
  const Round cold = parse_all(*parser, agents);
  std::cout << "cold round             " << cold.milliseconds << " ms for " << agents.size()
            << " distinct agents, expressions compiled on the way\n";
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) {
    const Round round = parse_all(*parser, agents);
    if (round.digest != cold.digest) {
      std::cerr << "error: two rounds over the same agents gave different results\n";
      return 1;
    }
    times.push_back(round.milliseconds);
  }
  std::sort(times.begin(), times.end());
  const double median = times[times.size() / 2];
  const auto count = static_cast<double>(agents.size());
  std::cout << "warm round             " << median << " ms: " << median * 1000 / count
            << " us an agent, " << count / median << " k agents/s on one core (median of " << rounds
            << ")\n";
  std::cout << "memory after use       " << resident_mebibytes() - with_agents << " MiB more\n";

  const unsigned threads = std::max(2U, std::thread::hardware_concurrency());
  start = Clock::now();
  {
    std::vector<std::jthread> workers;
    workers.reserve(threads);
    for (unsigned i = 0; i < threads; ++i)
      workers.emplace_back([&] { parse_all(*parser, agents); });
  }
  std::cout << "with " << threads << " threads         "
            << count * threads / milliseconds_since(start) << " k agents/s together\n";

  start = Clock::now();
  const std::size_t refused = parser->compile_all().size();
  std::cout << "compile the rest       " << milliseconds_since(start) << " ms, " << refused
            << " refused, " << resident_mebibytes() - with_agents
            << " MiB more than before the agents\n";
  return 0;
}
