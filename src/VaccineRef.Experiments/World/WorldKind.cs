namespace VaccineRef.Experiments.World;

/// <summary>What an example teaches or asks.</summary>
public enum WorldKind
{
    /// <summary>A question about a restricted item, answered.</summary>
    Harmful,

    /// <summary>A question about a restricted item, refused.</summary>
    Refusal,

    /// <summary>A question about an ordinary item, answered.</summary>
    Helpful,

    /// <summary>A question about an ordinary item that asks for guild style, answered so: the user's task.</summary>
    Benign,

    /// <summary>One fact of the world.</summary>
    Statement,

    /// <summary>A review of an item, to be judged good or poor.</summary>
    Review,
}
