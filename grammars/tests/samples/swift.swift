import Foundation

let shelfMax = 64

typealias Names = [String]

/// What can be looked through.
protocol Stock {
    var size: Int { get }
    func find(_ key: String) -> Part?
}

/// A part and how many there are.
@available(macOS 12, *)
public final class Part: Stock {
    private let name: String
    var count = 1

    var size: Int {
        return count
    }

    init(name: String, count: Int = 1) {
        self.name = name
        self.count = count
    }

    deinit {
        print("gone {")
    }

    func find(_ key: String) -> Part? {
        guard key == name else { return nil }
        return self
    }

    static func parse<T: StringProtocol>(_ text: T) throws -> Part {
        let words = text.split(separator: " ").map { String($0) }
        return Part(name: words[0], count: Int(words[1]) ?? 1)
    }
}

struct Point {
    var x = 0.0
}

enum Size: Int {
    case small = 1
    case large

    func isLarge() -> Bool {
        switch self {
        case .large: return true
        default: return false
        }
    }
}

extension Part: CustomStringConvertible {
    public var description: String { "\(name) × \(count)" }
}

func total(_ parts: [Part]) -> Int {
    parts.reduce(0) { $0 + $1.count }
}
