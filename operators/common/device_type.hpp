// Which kind of device sends an agent: what uap-core leaves to its users.
#pragma once

#include <cstdint>
#include <string_view>

namespace flow::operators {

enum class DeviceType : std::uint8_t { kDesktop, kMobile, kTablet, kBot, kOther };

/// desktop, mobile, tablet, bot or other.
std::string_view to_string(DeviceType type);

/// What device_type_of() decides by: the agent and what the expressions made of it ("" = absent).
struct DeviceClues {
  std::string_view agent;
  std::string_view browser;
  std::string_view os_family;
  std::string_view device_family;
  std::string_view device_brand;
  std::string_view device_model;
};

/// The first of these rules that applies; words are compared without regard to ASCII case.
///
/// 1. bot: the device family is Spider; or the agent holds a word that ends in "bot" or "bots"
/// (except the phone
///    brand Cubot), or "crawler", "spider", "slurp".
/// 2. other: programs and libraries that fetch for something else (the agent begins with curl/,
/// Wget/, python-,
///    Go-http-client, Java/, ...), as they say nothing of the device in front of a person.
/// 3. other: televisions, game consoles, watches, e.g. HbbTV, Apple TV, Chromecast, Roku,
/// PlayStation, Xbox; but
///    a portable console is mobile.
/// 4. tablet: iPad, Kindle and Kindle Fire, PlayBook, TouchPad, the word Tablet (not Windows'
/// "Tablet PC"), models whose
///    name has a word with tab, pad or tablet in it, known models without such a word (Nexus
///    7/9/10, Xoom, ...).
/// 5. Android: mobile if the agent says "Mobi"; otherwise tablet for browsers, which say so on
/// phones (the agent
///    begins with Mozilla/ or Opera/), and mobile for applications, which do not.
/// 6. mobile: iOS, Windows Phone and Mobile, BlackBerry, Symbian, Firefox OS, KaiOS, Tizen, and
/// other systems of
///    phones; device families iPhone, iPod, Generic Smartphone and Generic Feature Phone; agents
///    with "Mobile", "MIDP", "UP.Browser", "Opera Mini".
/// 7. desktop: Windows, Mac OS (X), Chrome OS, Linux and its distributions, the BSDs, Solaris and
/// other
///    systems of workstations.
/// 8. mobile: any other device whose brand is known; the expressions name hardly anything but
/// phones then.
/// 9. other.
///
/// Not told apart, as the agents are the same: an iPad that asks for desktop pages and a Mac;
/// Windows tablets and Windows computers. About 1 us; allocates one copy of the agent.
DeviceType device_type_of(const DeviceClues& clues);

}  // namespace flow::operators
