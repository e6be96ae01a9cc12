#include "operators/common/recommend/session_store.hpp"

#include <algorithm>
#include <cstring>

#include "operators/common/recommend/item_store.hpp"

namespace flow::operators::recommend {

std::optional<bool> Session::was_led_to(uint32_t item) const {
  for (uint32_t i = 0; i < recent_count; ++i) {
    if (recent[i] == item) return (led >> i & 1) != 0;
  }
  return std::nullopt;
}

void Session::push(uint32_t item, bool was_shown) {
  led = led << 1 | (was_led_to(item).value_or(was_shown) ? 1 : 0);
  std::memmove(recent.data() + 1, recent.data(), (kRecent - 1) * sizeof(uint32_t));
  recent[0] = item;
  recent_count = std::min(recent_count + 1, kRecent);
}

uint64_t SessionStore::id_hash_of(std::string_view id) { return id_hash(id); }

void SessionStore::unlink(uint32_t number) {
  const Link link = links_[number];
  links_.edit(link.older).newer = link.newer;
  links_.edit(link.newer).older = link.older;
}

void SessionStore::link(uint32_t number) {
  const uint32_t newest = links_[0].older;
  links_.edit(number) = {newest, 0};
  links_.edit(newest).newer = number;
  links_.edit(0).older = number;
}

Session* SessionStore::add(std::string_view id) {
  const uint64_t hash = id_hash(id);
  const uint32_t number = sessions_.insert_slot(hash, id);
  if (number == 0) return nullptr;
  if (!links_.grow(uint64_t{number} + 1)) {
    sessions_.erase(hash, id);
    return nullptr;
  }
  link(number);
  Session& session = sessions_.modify_at(0, number);
  session.number = number;
  return &session;
}

void SessionStore::touch(uint32_t number) {
  if (links_[0].older == number) return;
  unlink(number);
  link(number);
}

void SessionStore::erase(uint32_t number) {
  Session& session = edit(number);
  if (session.shown.length > 0) free(session.shown);
  session.number = 0;
  unlink(number);
  sessions_.erase(sessions_.hash_at(0, number), sessions_.key_at(0, number));
}

bool SessionStore::show(uint32_t number, std::span<const uint32_t> items, uint32_t most) {
  if (most == 0) return true;
  const Session& known = (*this)[number];
  StoredBytes block = known.shown;
  if (block.length < most * sizeof(uint32_t)) {
    const std::optional<StoredBytes> larger =
        allocate(most * static_cast<uint32_t>(sizeof(uint32_t)));
    if (!larger) return false;
    if (known.shown_count > 0) {
      std::memcpy(write(*larger), read(known.shown), known.shown_count * sizeof(uint32_t));
    }
    if (block.length > 0) free(block);
    block = *larger;
    edit(number).shown = block;
  }
  uint32_t* const shown = write(block);
  const uint32_t added = std::min(static_cast<uint32_t>(items.size()), most);
  const uint32_t kept = std::min((*this)[number].shown_count, most - added);
  std::memmove(shown + added, shown, kept * sizeof(uint32_t));
  std::copy_n(items.begin(), added, shown);
  edit(number).shown_count = added + kept;
  return true;
}

std::span<const uint32_t> SessionStore::shown(uint32_t number) {
  const Session& session = (*this)[number];
  if (session.shown_count == 0) return {};
  return {read(session.shown), session.shown_count};
}

void SessionStore::purge(std::span<const uint8_t> gone) {
  const auto is_gone = [gone](uint32_t item) { return gone[item] != 0; };
  for (uint32_t number = oldest(); number != 0; number = links_[number].newer) {
    const std::span<const uint32_t> clicks = (*this)[number].clicks();
    if (std::any_of(clicks.begin(), clicks.end(), is_gone)) {
      Session& session = edit(number);
      const Session before = session;
      session.recent_count = session.led = 0;
      for (uint32_t i = 0; i < before.recent_count; ++i) {
        if (is_gone(before.recent[i])) continue;
        session.led |= (before.led >> i & 1) << session.recent_count;
        session.recent[session.recent_count++] = before.recent[i];
      }
    }
    const std::span<const uint32_t> items = shown(number);
    if (std::any_of(items.begin(), items.end(), is_gone)) {
      Session& session = edit(number);
      uint32_t* const begin = write(session.shown);
      session.shown_count = static_cast<uint32_t>(
          std::remove_if(begin, begin + session.shown_count, is_gone) - begin);
    }
  }
}

}  // namespace flow::operators::recommend
