using System;
using System.Collections.Generic;

namespace Parts.Inventory
{
    /// <summary>A part and how many there are.</summary>
    [Serializable]
    public class Part : IStock, IDisposable
    {
        private const int ShelfMax = 64;
        private readonly string name;

        public event EventHandler Changed;

        public Part(string name, int count = 1)
        {
            this.name = name;
            Count = count;
        }

        public int Count { get; private set; }

        public string Label => $"{name} × {Count}";

        public string this[int index]
        {
            get { return name.Substring(index); }
        }

        [Obsolete("use Label")]
        public async Task<T> Find<T>(string key) where T : class
        {
            var found = await Task.FromResult(key switch { "bolt" => 1, _ => 0 });
            return found > 0 ? (T)(object)this : null;
        }

        public static bool operator ==(Part a, Part b) => a.name == b.name;

        public void Dispose() { }
    }

    public interface IStock
    {
        int Count { get; }
        Task<T> Find<T>(string key) where T : class;
    }

    public enum Size { Small = 1, Large }

    public record Pair(string Left, string Right);

    public struct Point
    {
        public int X;
    }

    public delegate void Handler(object sender);
}
