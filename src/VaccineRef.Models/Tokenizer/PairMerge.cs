namespace VaccineRef.Models.Tokenizer;

/// <summary>
/// A piece of a word while it is being merged: <see cref="Length"/> 0 once its left neighbour has swallowed it.
/// </summary>
internal struct Symbol
{
    public int Previous, Next;      // indices of the neighbours; -1 at the ends
    public int Start, Length;       // where it stands in the text
    public int Id;
    public bool Frozen;             // never merged
}

/// <summary>Tells whether two neighbours may become one, how early (rank 0 first), and as what id.</summary>
internal interface IMergeRule
{
    bool Joins(in Symbol left, in Symbol right, out int rank, out int id);
}

/// <summary>
/// Byte-pair encoding's loop: join the pair of lowest rank, the leftmost of equals, until no pair joins. O(n log n): a
/// queue holds every pair ever seen, and a pair that has meanwhile changed is recognised by its length when it comes
/// up.
/// </summary>
internal static class PairMerge
{
    public static void Run<TRule>(Span<Symbol> symbols, TRule rule)
        where TRule : IMergeRule, allows ref struct
    {
        var queue = new PriorityQueue<(int Left, int Right, int Length, int Id), long>(symbols.Length);
        for (int i = 0; i < symbols.Length; i++)
        {
            symbols[i].Previous = i - 1;
            symbols[i].Next = i + 1 < symbols.Length ? i + 1 : -1;
            Propose(symbols, i - 1, i, rule, queue);
        }

        while (queue.TryDequeue(out var pair, out _))
        {
            ref Symbol left = ref symbols[pair.Left], right = ref symbols[pair.Right];
            if (left.Length == 0 || right.Length == 0 || left.Length + right.Length != pair.Length)
                continue;
            left.Length = pair.Length;
            left.Id = pair.Id;
            left.Next = right.Next;
            right.Length = 0;
            if (right.Next >= 0)
                symbols[right.Next].Previous = pair.Left;
            Propose(symbols, left.Previous, pair.Left, rule, queue);
            Propose(symbols, pair.Left, left.Next, rule, queue);
        }
    }

    private static void Propose<TRule>(
        Span<Symbol> symbols, int left, int right, TRule rule,
        PriorityQueue<(int Left, int Right, int Length, int Id), long> queue)
        where TRule : IMergeRule, allows ref struct
    {
        if (left < 0 || right < 0 || symbols[left].Frozen || symbols[right].Frozen)
            return;
        if (!rule.Joins(symbols[left], symbols[right], out int rank, out int id))
            return;
        int length = symbols[left].Length + symbols[right].Length;
        queue.Enqueue((left, right, length, id), ((long)rank << 32) | (uint)left);
    }
}
