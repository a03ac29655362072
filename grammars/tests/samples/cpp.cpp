// A small inventory.
#include <string>
#include <vector>

namespace parts {

constexpr std::size_t shelf_max = 64;

enum class Size : int { Small = 1, Large };

/// A part and how many there are.
class Part {
public:
    explicit Part(std::string name, int count = 1) : name_(std::move(name)), count_(count) {}
    virtual ~Part() = default;

    const std::string &name() const { return name_; }
    bool operator==(const Part &other) const;

private:
    std::string name_;
    int count_;
};

bool Part::operator==(const Part &other) const
{
    return name_ == other.name_;
}

template <typename T>
struct Shelf {
    std::vector<T> items;

    void add(T item)
    {
        items.push_back(std::move(item));
    }
};

template <typename T>
T sum(const std::vector<T> &values)
{
    T total{};
    for (const auto &value : values) {
        total += value;
    }
    return total;
}

namespace detail::inner {
using Names = std::vector<std::string>;
}

} // namespace parts

static auto less = [](const auto &a, const auto &b) { return a < b; };

int main()
{
    parts::Shelf<parts::Part> shelf;
    shelf.add(parts::Part{R"(bolt {)"});
    return static_cast<int>(shelf.items.size());
}
