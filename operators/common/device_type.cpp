#include "device_type.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <string>

namespace flow::operators {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& byte : result) {
    if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte - 'A' + 'a');
  }
  return result;
}

bool is_letter(char byte) { return byte >= 'a' && byte <= 'z'; }

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& values) {
  return std::find(values.begin(), values.end(), text) != values.end();
}

template <std::size_t N>
bool contains_any(std::string_view text, const std::array<std::string_view, N>& parts) {
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) {
    return text.find(part) != std::string_view::npos;
  });
}

template <std::size_t N>
bool starts_with_any(std::string_view text, const std::array<std::string_view, N>& parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return text.starts_with(part); });
}

constexpr auto kBotParts = std::to_array<std::string_view>({"crawler", "spider", "slurp"});

constexpr auto kProgramPrefixes = std::to_array<std::string_view>(
    {"curl/",        "libcurl",        "wget/",      "python-",
     "python/",      "go-http-client", "java/",      "apache-httpclient",
     "libwww-perl",  "lwp::",          "ruby",       "php/",
     "guzzlehttp",   "axios/",         "node-fetch", "postmanruntime",
     "aiohttp",      "pycurl",         "mechanize",  "jakarta commons",
     "http_request", "git/",           "debian apt", "aria2/"});

constexpr auto kOtherDeviceParts = std::to_array<std::string_view>(
    {"hbbtv",     "smart-tv",   "smarttv", "smart_tv", "appletv", "apple tv",    "googletv",
     "google tv", "android tv", "bravia",  "netcast",  "web0s",   "crkey",       "viera",
     "roku",      "aftb",       "aftt",    "aftm",     "afts",    "playstation", "xbox",
     "nintendo",  "webtv",      "watchos", "glass 1"});

constexpr auto kOtherDeviceSystems = std::to_array<std::string_view>(
    {"ATV OS X", "tvOS", "WatchOS", "GoogleTV", "Chromecast", "FireHbbTV", "Roku", "WebTV", "Web0S",
     "VRE", "Samsung", "Sony", "Panasonic", "Philips", "LG"});

constexpr auto kPortableConsoleParts = std::to_array<std::string_view>(
    {"playstation portable", "playstation vita", "nintendo 3ds", "nintendo dsi", "nintendo ds"});

constexpr auto kTabletParts = std::to_array<std::string_view>(
    {"ipad", "kindle", "playbook", "touchpad", "opera tablet", "nexus 7", "nexus 9", "nexus 10",
     "xoom", "transformer prime", "transformer tf", "pixel c ", "nook", "wetab"});

constexpr auto kTabletModelParts = std::to_array<std::string_view>({"tab", "pad"});

// Model names with "tab" or "pad" inside of a phone's name.
constexpr auto kNoTabletParts = std::to_array<std::string_view>(
    {"padfone", "stable", "fonepad note", "keypad", "gamepad", "trackpad"});

constexpr auto kMobileSystems =
    std::to_array<std::string_view>({"iOS",        "Windows Phone",   "Windows Mobile",
                                     "Windows CE", "BlackBerry OS",   "Symbian OS",
                                     "Symbian^3",  "Symbian^3 Anna",  "Symbian^3 Belle",
                                     "Firefox OS", "KaiOS",           "Tizen",
                                     "Bada",       "MeeGo",           "Maemo",
                                     "Sailfish",   "webOS",           "Brew MP",
                                     "BREW",       "Nokia Series 40", "Nokia Series 30 Plus",
                                     "Android"});

constexpr auto kMobileDevices = std::to_array<std::string_view>(
    {"iPhone", "iPod", "iPod touch", "Generic Smartphone", "Generic Feature Phone"});

constexpr auto kMobileParts = std::to_array<std::string_view>(
    {"mobile", "midp", "up.browser", "opera mini", "opera mobi", "docomo", "windows ce", "symbian",
     "blackberry", "palmos", "palm os", "j2me", "iphone", "ipod"});

constexpr auto kDesktopSystems = std::to_array<std::string_view>(
    {"Windows", "Mac OS X", "Mac OS",    "Chrome OS",  "Linux",          "Ubuntu",    "Kubuntu",
     "Debian",  "Fedora",   "Red Hat",   "CentOS",     "Gentoo",         "Mandriva",  "Mageia",
     "SUSE",    "openSUSE", "Slackware", "Arch Linux", "Linux Mint",     "PCLinuxOS", "Puppy",
     "CrOS",    "FreeBSD",  "OpenBSD",   "NetBSD",     "DragonFly",      "BSD",       "BSD Four",
     "Solaris", "SunOS",    "AIX",       "HP-UX",      "IRIX64",         "BeOS",      "Haiku",
     "OS/2",    "Amiga",    "AmigaOS",   "SerenityOS", "Ubuntu Chromium"});

/// Whether a word of `agent` ends in "bot" or "bots"; the phone brand Cubot is none.
bool has_bot_word(std::string_view agent) {
  for (std::size_t at = agent.find("bot"); at != std::string_view::npos;
       at = agent.find("bot", at + 3)) {
    std::size_t end = at + 3;
    if (end < agent.size() && agent[end] == 's') ++end;
    const bool ends_word = end == agent.size() || !is_letter(agent[end]);
    const bool cubot = at >= 2 && agent.substr(at - 2, 2) == "cu";
    if (ends_word && !cubot) return true;
  }
  return false;
}

/// "tablet" as itself, not as part of Windows' "Tablet PC 2.0".
bool has_tablet_word(std::string_view agent) {
  for (std::size_t at = agent.find("tablet"); at != std::string_view::npos;
       at = agent.find("tablet", at + 6)) {
    if (agent.substr(at + 6, 3) != " pc") return true;
  }
  return false;
}

bool is_tablet_model(const DeviceClues& clues) {
  if (clues.device_model.empty()) return false;
  const std::string names = lower(clues.device_family) + " " + lower(clues.device_model);
  return contains_any(names, kTabletModelParts) && !contains_any(names, kNoTabletParts);
}

}  // namespace

std::string_view to_string(DeviceType type) {
  switch (type) {
    case DeviceType::kDesktop:
      return "desktop";
    case DeviceType::kMobile:
      return "mobile";
    case DeviceType::kTablet:
      return "tablet";
    case DeviceType::kBot:
      return "bot";
    case DeviceType::kOther:
      break;
  }
  return "other";
}

DeviceType device_type_of(const DeviceClues& clues) {
  const std::string agent = lower(clues.agent);
  if (clues.device_family == "Spider" || has_bot_word(agent) || contains_any(agent, kBotParts)) {
    return DeviceType::kBot;
  }
  if (starts_with_any(agent, kProgramPrefixes)) return DeviceType::kOther;
  if (is_one_of(clues.os_family, kOtherDeviceSystems) || contains_any(agent, kOtherDeviceParts)) {
    return contains_any(agent, kPortableConsoleParts) ? DeviceType::kMobile : DeviceType::kOther;
  }
  if (clues.device_family == "iPad" || contains_any(agent, kTabletParts) ||
      has_tablet_word(agent) || clues.os_family == "BlackBerry Tablet OS" ||
      is_tablet_model(clues)) {
    return DeviceType::kTablet;
  }
  const bool says_mobile = agent.find("mobi") != std::string::npos;
  if (clues.os_family == "Android" && !says_mobile) {
    const bool browser = agent.starts_with("mozilla/") || agent.starts_with("opera/");
    return browser ? DeviceType::kTablet : DeviceType::kMobile;
  }
  if (is_one_of(clues.os_family, kMobileSystems) ||
      is_one_of(clues.device_family, kMobileDevices) || contains_any(agent, kMobileParts)) {
    return DeviceType::kMobile;
  }
  if (is_one_of(clues.os_family, kDesktopSystems)) return DeviceType::kDesktop;
  return clues.device_brand.empty() ? DeviceType::kOther : DeviceType::kMobile;
}

}  // namespace flow::operators
