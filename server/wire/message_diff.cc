#include "server/wire/message_diff.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/wire/json.h"
#include "server/wire/list_diff.h"
#include "server/wire/message_json.h"
#include "server/wire/message_shape.h"

namespace atrium {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using Field = MessageShape::Field;

bool IsLeaf(const FieldDescriptor& field) {
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return true;
  const auto type = field.message_type()->well_known_type();
  return type != Descriptor::WELLKNOWNTYPE_UNSPECIFIED && type != Descriptor::WELLKNOWNTYPE_FIELDMASK;
}

// Compares the bits, by which a NaN equals itself, and -0 does not equal 0.
template <typename Number>
bool SameBits(Number a, Number b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

// Returns one value of `field` of a message: the element of a list with that index, or all of a field for
// kSingularField.
const Message& Inner(const Field& field, const Message& message, int index) {
  const Reflection& reflection = *field.reflection;
  return index == kSingularField ? reflection.GetMessage(message, field.descriptor)
                                 : reflection.GetRepeatedMessage(message, field.descriptor, index);
}

bool SameMessages(const MessageShape& shape, const Message& a, const Message& b);

bool SameValues(const Field& field, const Message& a, int a_index, const Message& b, int b_index) {
  const Reflection& reflection = *field.reflection;
  const auto get = [&](const Message& message, int index, auto singular, auto repeated) {
    return index == kSingularField ? (reflection.*singular)(message, field.descriptor)
                                   : (reflection.*repeated)(message, field.descriptor, index);
  };
  const auto same = [&](auto singular, auto repeated) {
    return SameBits(get(a, a_index, singular, repeated), get(b, b_index, singular, repeated));
  };
  switch (field.cpp_type) {
    case FieldDescriptor::CPPTYPE_INT32: return same(&Reflection::GetInt32, &Reflection::GetRepeatedInt32);
    case FieldDescriptor::CPPTYPE_UINT32: return same(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32);
    case FieldDescriptor::CPPTYPE_INT64: return same(&Reflection::GetInt64, &Reflection::GetRepeatedInt64);
    case FieldDescriptor::CPPTYPE_UINT64: return same(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64);
    case FieldDescriptor::CPPTYPE_DOUBLE: return same(&Reflection::GetDouble, &Reflection::GetRepeatedDouble);
    case FieldDescriptor::CPPTYPE_FLOAT: return same(&Reflection::GetFloat, &Reflection::GetRepeatedFloat);
    case FieldDescriptor::CPPTYPE_BOOL: return same(&Reflection::GetBool, &Reflection::GetRepeatedBool);
    case FieldDescriptor::CPPTYPE_ENUM: return same(&Reflection::GetEnumValue, &Reflection::GetRepeatedEnumValue);
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string scratch;
      const auto text = [&](const Message& message, int index, std::string* space) -> const std::string& {
        return index == kSingularField ? reflection.GetStringReference(message, field.descriptor, space)
                                       : reflection.GetRepeatedStringReference(message, field.descriptor, index, space);
      };
      std::string b_scratch;
      return text(a, a_index, &scratch) == text(b, b_index, &b_scratch);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return SameMessages(*field.message, Inner(field, a, a_index), Inner(field, b, b_index));
  }
  return false;
}

bool SameMaps(const Field& field, const Message& a, const Message& b) {
  const auto a_entries = MapEntries(a, *field.descriptor);
  const auto b_entries = MapEntries(b, *field.descriptor);
  for (size_t i = 0; i < a_entries.size(); ++i) {
    if (a_entries[i].first != b_entries[i].first ||
        !SameValues(field.map_value(), *a_entries[i].second, kSingularField, *b_entries[i].second, kSingularField)) {
      return false;
    }
  }
  return true;
}

bool SameFields(const Field& field, const Message& a, const Message& b) {
  const Reflection& reflection = *field.reflection;
  const FieldDescriptor* const descriptor = field.descriptor;
  if (!descriptor->is_repeated()) {
    if (descriptor->has_presence()) {
      const bool has = reflection.HasField(a, descriptor);
      if (has != reflection.HasField(b, descriptor)) return false;
      if (!has) return true;
    }
    return SameValues(field, a, kSingularField, b, kSingularField);
  }
  const int size = reflection.FieldSize(a, descriptor);
  if (size != reflection.FieldSize(b, descriptor)) return false;
  if (descriptor->is_map()) return SameMaps(field, a, b);
  for (int i = 0; i < size; ++i) {
    if (!SameValues(field, a, i, b, i)) return false;
  }
  return true;
}

bool SameMessages(const MessageShape& shape, const Message& a, const Message& b) {
  return std::ranges::all_of(shape.fields(), [&](const Field& field) { return SameFields(field, a, b); });
}

// Returns how many entries the JSON object of `message` has.
size_t EntryCount(const MessageShape& shape, const Message& message) {
  return std::ranges::count_if(shape.fields(), [&](const Field& field) {
    return !field.has_presence || field.reflection->HasField(message, field.descriptor);
  });
}

// Both return the whole field.
std::string ListJson(const Field& field, const Message& message) {
  const int size = field.reflection->FieldSize(message, field.descriptor);
  std::string out = "[";
  for (int i = 0; i < size; ++i) absl::StrAppend(&out, i > 0 ? "," : "", FieldToJson(message, field, i));
  return out += ']';
}

std::string MapJson(const Field& field, const Message& message) {
  std::string out = "{";
  for (const auto& [key, entry] : MapEntries(message, *field.descriptor)) {
    if (out.size() > 1) out += ',';
    AppendJsonString(out, key);
    absl::StrAppend(&out, ":", FieldToJson(*entry, field.map_value()));
  }
  return out += '}';
}

class Differ {
 public:
  void DiffMessage(const MessageShape& shape, const Message& before, const Message& after, const std::string& path) {
    size_t entries = EntryCount(shape, before);
    for (const Field& field : shape.fields()) {
      if (field.is_map) {
        DiffMap(field, before, after, ChildPath(path, field.json_name), 0);
      } else if (field.is_repeated) {
        DiffList(field, before, after, ChildPath(path, field.json_name));
      } else {
        DiffField(field, before, after, path, entries);
      }
    }
  }

  // `others` is that of DiffMaps; with any, the map is never replaced as a whole.
  void DiffMap(const Field& field, const Message& before, const Message& after, const std::string& path,
               size_t others) {
    const StateChange::Mark mark = change_.Now();
    if (DiffEntries(field, before, after, path, others) || others > 0) return;
    change_.ReplaceSince(mark, path, SizeOfJson(MapJson(field, before)), MapJson(field, after));
  }

  StateChange Take() { return std::move(change_); }

 private:
  // Returns false if more than kMaxOperationsWithin come of it, of which some were made.
  bool DiffEntries(const Field& field, const Message& before, const Message& after, const std::string& path,
                   size_t others) {
    const size_t limit = change_.patch.size() + kMaxOperationsWithin;
    const Field& value = field.map_value();
    const auto old_entries = MapEntries(before, *field.descriptor);
    const auto new_entries = MapEntries(after, *field.descriptor);
    size_t entries = others + old_entries.size();
    auto old = old_entries.begin();
    for (const auto& [key, entry] : new_entries) {
      for (; old != old_entries.end() && old->first < key && change_.patch.size() <= limit; ++old) {
        RemoveEntry(*old, value, path, --entries);
      }
      if (change_.patch.size() > limit) return false;
      if (old == old_entries.end() || old->first != key) {
        change_.Add(ChildPath(path, key), FieldToJson(*entry, value), entries++, &key);
      } else {
        DiffValue(value, *(old++)->second, kSingularField, *entry, kSingularField, ChildPath(path, key));
      }
    }
    for (; old != old_entries.end() && change_.patch.size() <= limit; ++old) RemoveEntry(*old, value, path, --entries);
    return change_.patch.size() <= limit;
  }

  void DiffField(const Field& field, const Message& before, const Message& after, const std::string& path,
                 size_t& entries) {
    const FieldDescriptor& descriptor = *field.descriptor;
    const bool was = !field.has_presence || field.reflection->HasField(before, &descriptor);
    const bool is = !field.has_presence || field.reflection->HasField(after, &descriptor);
    const std::string& key = descriptor.json_name();
    if (was && is) {
      DiffValue(field, before, kSingularField, after, kSingularField, ChildPath(path, key));
    } else if (was) {
      change_.Remove(ChildPath(path, key), SizeOfJson(FieldToJson(before, field)), --entries, &key);
    } else if (is) {
      change_.Add(ChildPath(path, key), FieldToJson(after, field), entries++, &key);
    }
  }

  void DiffValue(const Field& field, const Message& before, int b, const Message& after, int a,
                 const std::string& path) {
    if (SameValues(field, before, b, after, a)) return;
    const FieldDescriptor& descriptor = *field.descriptor;
    if (IsLeaf(descriptor)) {
      return change_.Replace(path, SizeOfJson(FieldToJson(before, field, b)), FieldToJson(after, field, a));
    }
    const Message& inner = Inner(field, after, a);
    const size_t first = change_.patch.size();
    DiffMessage(*field.message, Inner(field, before, b), inner, path);
    // A small message whose every field has changed is shorter as a whole. Its JSON is hardly shorter than its bytes.
    const bool several = change_.patch.size() - first > 1;
    if (several && inner.ByteSizeLong() < change_.Bytes(first)) {
      change_.Collapse(first, path, FieldToJson(after, field, a));
    }
  }

  void DiffList(const Field& field, const Message& before, const Message& after, const std::string& path) {
    struct Sink {
      void Remove(size_t at, size_t b) {
        const ValueSize old = SizeOfJson(FieldToJson(before, field, static_cast<int>(b)));
        differ.change_.Remove(ChildPath(path, at), old, --size, nullptr);
      }
      void Add(size_t at, size_t a) {
        differ.change_.Add(ChildPath(path, at), FieldToJson(after, field, static_cast<int>(a)), size++, nullptr);
      }
      void Change(size_t at, size_t b, size_t a) {
        if (differ.change_.patch.size() > limit) return;
        differ.DiffValue(field, before, static_cast<int>(b), after, static_cast<int>(a), ChildPath(path, at));
      }

      Differ& differ;
      const Field& field;
      const Message& before;
      const Message& after;
      const std::string& path;
      const size_t limit;
      size_t size;
    };
    const size_t before_size = field.reflection->FieldSize(before, field.descriptor);
    const size_t after_size = field.reflection->FieldSize(after, field.descriptor);
    const auto same = [&](size_t b, size_t a) {
      return SameValues(field, before, static_cast<int>(b), after, static_cast<int>(a));
    };
    const StateChange::Mark mark = change_.Now();
    Sink sink{*this, field, before, after, path, mark.operations + kMaxOperationsWithin, before_size};
    const bool told = DiffLists(before_size, after_size, same, sink, kMaxOperationsWithin);
    if (told && change_.patch.size() <= sink.limit) return;
    change_.ReplaceSince(mark, path, SizeOfJson(ListJson(field, before)), ListJson(field, after));
  }

  void RemoveEntry(const std::pair<std::string, const Message*>& entry, const Field& value, const std::string& path,
                   size_t others) {
    change_.Remove(ChildPath(path, entry.first), SizeOfJson(FieldToJson(*entry.second, value)), others, &entry.first);
  }

  StateChange change_;
};

}  // namespace

StateChange DiffMessages(const Message& before, const Message& after) {
  Differ differ;
  differ.DiffMessage(MessageShape::Of(*before.GetDescriptor()), before, after, "");
  return differ.Take();
}

StateChange DiffMaps(const Message& before, const Message& after, const FieldDescriptor& field, size_t others) {
  const Field& shape = MessageShape::Of(*field.containing_type()).fields()[field.index()];
  Differ differ;
  differ.DiffMap(shape, before, after, ChildPath("", field.json_name()), others);
  return differ.Take();
}

}  // namespace atrium
