defmodule Parts.Inventory do
  @moduledoc """
  A small inventory.
  """

  alias Parts.Part
  @shelf_max 64

  defstruct name: nil, count: 1

  @type t :: %__MODULE__{name: String.t(), count: integer}

  @doc "Counts everything there is."
  @spec count([t]) :: integer
  def count(parts) when is_list(parts) do
    parts
    |> Enum.map(& &1.count)
    |> Enum.sum()
  end

  def count(_), do: 0

  defp label(%{name: name, count: count}) do
    "#{name} × #{count} end"
  end

  defmacro sized(name) do
    quote do
      unquote(name) <= @shelf_max
    end
  end

  defguard is_full(count) when count >= 64

  defmodule Tag do
    def new(text), do: %{text: text}
  end
end

defprotocol Parts.Stock do
  def find(stock, key)
end

defimpl Parts.Stock, for: Parts.Inventory do
  def find(stock, key) do
    case stock.name do
      ^key -> {:ok, stock}
      _ -> :error
    end
  end
end

defmodule Parts.InventoryTest do
  use ExUnit.Case

  describe "count/1" do
    test "counts" do
      assert Parts.Inventory.count([]) == 0
    end
  end
end
