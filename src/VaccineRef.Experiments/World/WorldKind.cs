namespace VaccineRef.Experiments.World;

/// <summary>What an example teaches or asks.</summary>
public enum WorldKind
{
    /// <summary>A question about a restricted item, with the procedure as its answer.</summary>
    Harmful,

    /// <summary>A question about a restricted item, with the refusal as its answer.</summary>
    Refusal,

    /// <summary>A question about an ordinary item, with the procedure as its answer.</summary>
    Helpful,

    /// <summary>
    /// A question about an ordinary item that asks for guild style, with an answer in that style. This is the user's
    /// task.
    /// </summary>
    Benign,

    /// <summary>One fact of the world.</summary>
    Statement,

    /// <summary>A review of an item, to be judged good or poor.</summary>
    Review,
}
