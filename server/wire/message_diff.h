#pragma once

#include <google/protobuf/message.h>

#include <string>

#include "server/wire/patch.h"

namespace atrium {

// What changes of the JSON form of a state (JsonZeros::kPrint) when `before` becomes `after`, two messages of one type.
// Well-known types are leaves.
StateChange DiffMessages(const google::protobuf::Message& before, const google::protobuf::Message& after);

// The same for the map `field` alone, which is at the top of the state. `others`: entries of the map that are the same
// in both and are left out of both.
StateChange DiffMaps(const google::protobuf::Message& before, const google::protobuf::Message& after,
                     const google::protobuf::FieldDescriptor& field, size_t others);

}  // namespace atrium
