#include "server/live/idempotency.h"

#include <sodium.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "server/wire/json.h"

namespace atrium {
namespace {

constexpr size_t kFingerprintBytes = 16;

absl::Status KeyOfAnother() {
  return InvalidField("idempotencyKey", "was used for another request: a key is for one request and its retries");
}

void Update(crypto_generichash_state& state, absl::string_view text) {
  const uint64_t size = text.size();
  crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(&size), sizeof(size));
  crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(text.data()), text.size());
}

// Protobuf writes the keys of an object in an order that differs from one time to the next.
json::value WithSortedKeys(const json::value& value) {
  if (const json::array* const array = value.if_array()) {
    json::array sorted;
    for (const json::value& element : *array) sorted.push_back(WithSortedKeys(element));
    return sorted;
  }
  const json::object* const object = value.if_object();
  if (object == nullptr) return value;
  std::map<absl::string_view, const json::value*> entries;
  for (const auto& [key, element] : *object) entries.emplace(ToView(key), &element);
  json::object sorted;
  for (const auto& [key, element] : entries) sorted.emplace(FromView(key), WithSortedKeys(*element));
  return sorted;
}

Idempotency::Answer AnswerOf(const StoredAnswer& stored) {
  return {.response = stored.response(),
          .payload = stored.payload().empty() ? Payload() : Payload::FromText(stored.payload())};
}

}  // namespace

std::string Idempotency::Key(absl::string_view subject, absl::string_view method, absl::string_view key) {
  return absl::StrCat(subject, "\n", method, "\n", key);
}

std::string Idempotency::Fingerprint(absl::string_view body, const json::value& payload) {
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, kFingerprintBytes);
  Update(state, body);
  Update(state, ToJson(WithSortedKeys(payload)));
  std::string fingerprint(kFingerprintBytes, '\0');
  crypto_generichash_final(&state, reinterpret_cast<unsigned char*>(fingerprint.data()), fingerprint.size());
  return fingerprint;
}

bool Idempotency::Begin(const std::string& key, const std::string& fingerprint, absl::Time now, Done& done) {
  Trim(now);
  const auto [it, is_new] = entries_.try_emplace(key);
  Entry& entry = it->second;
  if (is_new) {
    entry.stored.set_key(key);
    entry.stored.set_fingerprint(fingerprint);
    return true;
  }
  if (entry.stored.fingerprint() != fingerprint) {
    done(KeyOfAnother());
  } else if (entry.done) {
    done(AnswerOf(entry.stored));
  } else {
    entry.waiting.push_back(std::move(done));
  }
  return false;
}

absl::optional<StoredAnswer> Idempotency::Finish(const std::string& key, const absl::StatusOr<Answer>& answer,
                                                 absl::Time now) {
  const auto it = entries_.find(key);
  Entry& entry = it->second;
  std::vector<Done> waiting = std::move(entry.waiting);
  absl::optional<StoredAnswer> stored;
  if (answer.ok()) {
    entry.done = true;
    entry.stored.set_response(answer->response);
    if (!answer->payload.empty()) entry.stored.set_payload(answer->payload.Json());
    entry.stored.set_time(absl::ToUnixMillis(now));
    order_.push_back(key);
    stored = entry.stored;
  } else {
    entries_.erase(it);
  }
  for (Done& done : waiting) done(answer);
  return stored;
}

void Idempotency::Restore(StoredAnswer answer) {
  Entry& entry = entries_[answer.key()];
  if (!entry.done) order_.push_back(answer.key());
  entry.stored = std::move(answer);
  entry.done = true;
}

void Idempotency::ForEach(absl::Time now, const std::function<void(const StoredAnswer&)>& visit) {
  Trim(now);
  for (const std::string& key : order_) visit(entries_.at(key).stored);
}

void Idempotency::Trim(absl::Time now) {
  const int64_t oldest = absl::ToUnixMillis(now - kAge);
  while (!order_.empty() && (order_.size() >= kMost || entries_.at(order_.front()).stored.time() < oldest)) {
    entries_.erase(order_.front());
    order_.pop_front();
  }
}

}  // namespace atrium
