# A small inventory.
require "json"

module Parts
  SHELF_MAX = 64

  # A part and how many there are.
  class Part < Object
    attr_reader :name, :count

    def initialize(name, count: 1)
      @name = name
      @count = count
    end

    def self.parse(text)
      name, count = text.split(/\s+/)
      new(name, count: count.to_i)
    end

    def label
      "#{name} × #{count}"
    end

    def ==(other)
      other.is_a?(Part) && name == other.name
    end

    class << self
      def empty
        @empty ||= new("")
      end
    end

    private

    def text
      <<~TEXT
        #{name} and
        end of it
      TEXT
    end
  end
end

def count(parts)
  parts.sum { |part| part.count } unless parts.empty?
end

RSpec.describe Parts do
  it "counts" do
    expect(count([Parts::Part.new("bolt")])).to eq(1)
  end
end
