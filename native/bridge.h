// The C interface between Bam.Torch (C#) and libtorch. Every function is noexcept; those that can fail return a
// status (0 done, 1 failed) and leave a message for bam_last_error. A tensor handle is an owned c10::TensorImpl*.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <cstdint>
#include <exception>
#include <string>
#include <utility>

#define BAM_EXPORT extern "C" __attribute__((visibility("default")))

// Valid until this thread's next failing call.
BAM_EXPORT const char* bam_last_error() noexcept;

namespace bam {

using TensorHandle = c10::TensorImpl*;

enum class Kind : int32_t {
    None = 0,
    Tensor = 1,
    Int = 2,
    Double = 3,
    Bool = 4,
    String = 5,
    Device = 6,
    IntList = 7,
    DoubleList = 8,
    BoolList = 9,
    TensorList = 10,
    Default = 11,
};

// Mirrors Bam.Torch.Value. `length` counts a list's elements or a string's bytes, and is a device's index.
struct Value {
    Kind kind;
    int32_t length;
    union {
        int64_t integer;
        double real;
        const void* pointer;
    };
};
static_assert(sizeof(Value) == 16, "Value is shared with C#");

void set_last_error(const char* message) noexcept;

template <class Function>
int32_t guarded(Function&& function) noexcept {
    try {
        std::forward<Function>(function)();
        return 0;
    } catch (const c10::Error& error) {
        set_last_error(error.what_without_backtrace());
    } catch (const std::exception& error) {
        set_last_error(error.what());
    } catch (...) {
        set_last_error("an exception of unknown type");
    }
    return 1;
}

// A second owner of a tensor that C# keeps; undefined for null.
inline at::Tensor borrow(TensorHandle handle) {
    using Pointer = c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;
    return handle == nullptr ? at::Tensor() : at::Tensor(Pointer::reclaim_copy(handle));
}

// Takes ownership away from C#.
inline at::Tensor adopt(TensorHandle handle) {
    using Pointer = c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;
    return handle == nullptr ? at::Tensor() : at::Tensor(Pointer::reclaim(handle));
}

// Gives ownership to C#; null for an undefined tensor.
inline TensorHandle release(at::Tensor tensor) {
    return tensor.defined() ? tensor.unsafeReleaseTensorImpl() : nullptr;
}

}  // namespace bam
