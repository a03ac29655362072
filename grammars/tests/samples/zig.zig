//! A small inventory.
const std = @import("std");

pub const shelf_max: usize = 64;

/// A part and how many there are.
pub const Part = struct {
    name: []const u8,
    count: u32 = 1,

    pub fn init(name: []const u8) Part {
        return .{ .name = name };
    }

    pub fn label(self: *const Part, buffer: []u8) ![]u8 {
        return std.fmt.bufPrint(buffer, "{s} x {d}", .{ self.name, self.count });
    }
};

const Size = enum(u8) { small = 1, large };

const Value = union(enum) {
    number: i64,
    text: []const u8,

    fn isNumber(self: Value) bool {
        return switch (self) {
            .number => true,
            .text => false,
        };
    }
};

const Error = error{ Full, Missing };

var total: u32 = 0;

pub fn count(parts: []const Part) Error!u32 {
    var sum: u32 = 0;
    for (parts) |part| {
        sum += part.count;
    }
    if (sum > shelf_max) return Error.Full;
    return sum;
}

test "counts" {
    const part = Part.init("bolt");
    try std.testing.expectEqual(@as(u32, 1), try count(&.{part}));
}
