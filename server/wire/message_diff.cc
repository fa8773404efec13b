#include "server/wire/message_diff.h"

#include <google/protobuf/descriptor.h>

#include <cstring>
#include <utility>
#include <vector>

#include "server/wire/list_diff.h"
#include "server/wire/message_json.h"

namespace atrium {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

bool IsLeaf(const FieldDescriptor& field) {
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return true;
  const auto type = field.message_type()->well_known_type();
  return type != Descriptor::WELLKNOWNTYPE_UNSPECIFIED && type != Descriptor::WELLKNOWNTYPE_FIELDMASK;
}

// By their bits: a NaN is itself, and -0 is not 0.
template <typename Number>
bool SameBits(Number a, Number b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

bool SameMessages(const Message& a, const Message& b);

// One value of `field` on each side: an element by its index, or kSingularField.
bool SameValues(const Message& a, int a_index, const Message& b, int b_index, const FieldDescriptor& field) {
  const Reflection& reflection = *a.GetReflection();
  const auto get = [&](const Message& message, int index, auto singular, auto repeated) {
    return index == kSingularField ? (reflection.*singular)(message, &field)
                                   : (reflection.*repeated)(message, &field, index);
  };
  const auto same = [&](auto singular, auto repeated) {
    return SameBits(get(a, a_index, singular, repeated), get(b, b_index, singular, repeated));
  };
  switch (field.cpp_type()) {
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
        return index == kSingularField ? reflection.GetStringReference(message, &field, space)
                                       : reflection.GetRepeatedStringReference(message, &field, index, space);
      };
      std::string b_scratch;
      return text(a, a_index, &scratch) == text(b, b_index, &b_scratch);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const auto inner = [&](const Message& message, int index) -> const Message& {
        return index == kSingularField ? reflection.GetMessage(message, &field)
                                       : reflection.GetRepeatedMessage(message, &field, index);
      };
      return SameMessages(inner(a, a_index), inner(b, b_index));
    }
  }
  return false;
}

bool SameMaps(const Message& a, const Message& b, const FieldDescriptor& field) {
  const auto a_entries = MapEntries(a, field);
  const auto b_entries = MapEntries(b, field);
  for (size_t i = 0; i < a_entries.size(); ++i) {
    if (a_entries[i].first != b_entries[i].first ||
        !SameValues(*a_entries[i].second, kSingularField, *b_entries[i].second, kSingularField,
                    *field.message_type()->map_value())) {
      return false;
    }
  }
  return true;
}

bool SameFields(const Message& a, const Message& b, const FieldDescriptor& field) {
  const Reflection& reflection = *a.GetReflection();
  if (!field.is_repeated()) {
    if (field.has_presence()) {
      const bool has = reflection.HasField(a, &field);
      if (has != reflection.HasField(b, &field)) return false;
      if (!has) return true;
    }
    return SameValues(a, kSingularField, b, kSingularField, field);
  }
  const int size = reflection.FieldSize(a, &field);
  if (size != reflection.FieldSize(b, &field)) return false;
  if (field.is_map()) return SameMaps(a, b, field);
  for (int i = 0; i < size; ++i) {
    if (!SameValues(a, i, b, i, field)) return false;
  }
  return true;
}

bool SameMessages(const Message& a, const Message& b) {
  const Descriptor& type = *a.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    if (!SameFields(a, b, *type.field(i))) return false;
  }
  return true;
}

// How many entries the JSON object of `message` has.
size_t EntryCount(const Message& message) {
  const Descriptor& type = *message.GetDescriptor();
  size_t count = 0;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (!field.has_presence() || message.GetReflection()->HasField(message, &field)) ++count;
  }
  return count;
}

class Differ {
 public:
  void DiffMessage(const Message& before, const Message& after, const std::string& path) {
    const Descriptor& type = *before.GetDescriptor();
    size_t entries = EntryCount(before);
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      if (field.is_map()) {
        DiffMap(before, after, field, ChildPath(path, field.json_name()), 0);
      } else if (field.is_repeated()) {
        DiffList(before, after, field, ChildPath(path, field.json_name()));
      } else {
        DiffField(before, after, field, path, entries);
      }
    }
  }

  void DiffMap(const Message& before, const Message& after, const FieldDescriptor& field, const std::string& path,
               size_t others) {
    const FieldDescriptor& value = *field.message_type()->map_value();
    const auto old_entries = MapEntries(before, field);
    const auto new_entries = MapEntries(after, field);
    size_t entries = others + old_entries.size();
    auto old = old_entries.begin();
    for (const auto& [key, entry] : new_entries) {
      for (; old != old_entries.end() && old->first < key; ++old) RemoveEntry(*old, value, path, --entries);
      if (old == old_entries.end() || old->first != key) {
        change_.Add(ChildPath(path, key), FieldToJson(*entry, value), entries++, &key);
      } else {
        DiffValue(*(old++)->second, kSingularField, *entry, kSingularField, value, ChildPath(path, key));
      }
    }
    for (; old != old_entries.end(); ++old) RemoveEntry(*old, value, path, --entries);
  }

  StateChange Take() { return std::move(change_); }

 private:
  void DiffField(const Message& before, const Message& after, const FieldDescriptor& field, const std::string& path,
                 size_t& entries) {
    const bool was = !field.has_presence() || before.GetReflection()->HasField(before, &field);
    const bool is = !field.has_presence() || after.GetReflection()->HasField(after, &field);
    const std::string& key = field.json_name();
    if (was && is) {
      DiffValue(before, kSingularField, after, kSingularField, field, ChildPath(path, key));
    } else if (was) {
      change_.Remove(ChildPath(path, key), FieldToJson(before, field).size(), --entries, &key);
    } else if (is) {
      change_.Add(ChildPath(path, key), FieldToJson(after, field), entries++, &key);
    }
  }

  void DiffValue(const Message& before, int b, const Message& after, int a, const FieldDescriptor& field,
                 const std::string& path) {
    if (SameValues(before, b, after, a, field)) return;
    if (IsLeaf(field)) return change_.Replace(path, FieldToJson(before, field, b).size(), FieldToJson(after, field, a));
    const auto inner = [&](const Message& message, int index) -> const Message& {
      const Reflection& reflection = *message.GetReflection();
      return index == kSingularField ? reflection.GetMessage(message, &field)
                                     : reflection.GetRepeatedMessage(message, &field, index);
    };
    const size_t first = change_.patch.size();
    DiffMessage(inner(before, b), inner(after, a), path);
    // Of a small message whose every field has changed, the whole is less. Its JSON is hardly shorter than its bytes.
    const bool several = change_.patch.size() - first > 1;
    if (several && inner(after, a).ByteSizeLong() < change_.Bytes(first)) {
      change_.Collapse(first, path, FieldToJson(after, field, a));
    }
  }

  void DiffList(const Message& before, const Message& after, const FieldDescriptor& field, const std::string& path) {
    struct Sink {
      void Remove(size_t at, size_t b) {
        differ.change_.Remove(ChildPath(path, at), FieldToJson(before, field, static_cast<int>(b)).size(), --size,
                              nullptr);
      }
      void Add(size_t at, size_t a) {
        differ.change_.Add(ChildPath(path, at), FieldToJson(after, field, static_cast<int>(a)), size++, nullptr);
      }
      void Change(size_t at, size_t b, size_t a) {
        differ.DiffValue(before, static_cast<int>(b), after, static_cast<int>(a), field, ChildPath(path, at));
      }

      Differ& differ;
      const Message& before;
      const Message& after;
      const FieldDescriptor& field;
      const std::string& path;
      size_t size;
    };
    const auto size_of = [&](const Message& message) -> size_t {
      return message.GetReflection()->FieldSize(message, &field);
    };
    const auto same = [&](size_t b, size_t a) {
      return SameValues(before, static_cast<int>(b), after, static_cast<int>(a), field);
    };
    Sink sink{*this, before, after, field, path, size_of(before)};
    DiffLists(size_of(before), size_of(after), same, sink);
  }

  void RemoveEntry(const std::pair<std::string, const Message*>& entry, const FieldDescriptor& value,
                   const std::string& path, size_t others) {
    change_.Remove(ChildPath(path, entry.first), FieldToJson(*entry.second, value).size(), others, &entry.first);
  }

  StateChange change_;
};

}  // namespace

StateChange DiffMessages(const Message& before, const Message& after) {
  Differ differ;
  differ.DiffMessage(before, after, "");
  return differ.Take();
}

StateChange DiffMaps(const Message& before, const Message& after, const FieldDescriptor& field, size_t others) {
  Differ differ;
  differ.DiffMap(before, after, field, ChildPath("", field.json_name()), others);
  return differ.Take();
}

}  // namespace atrium
