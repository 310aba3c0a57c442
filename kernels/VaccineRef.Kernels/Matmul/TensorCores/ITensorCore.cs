namespace VaccineRef.Kernels;

/// <summary>
/// Four 32-bit words in registers: the fragment of A, or the fragments of two neighbouring pieces of B.
/// </summary>
internal struct TensorWords
{
    public uint X, Y, Z, W;
}

/// <summary>The sums that a lane holds of a row of pieces, in the order of <see cref="TensorFragment"/>.</summary>
internal struct TensorRow
{
    public Quad<float> First, Second, Third, Fourth;
}

/// <summary>
/// What multiplies on behalf of a warp. A warp owns 64 x 32 elements of C in four by four pieces of 16 x 8 elements.
/// Their sums are kept by the implementation, 64 to a lane. All lanes of the warp must call together. A row of pieces
/// takes the fragment of A that the pieces share, and the fragments of B of its four pieces.
/// </summary>
internal interface ITensorCore
{
    /// <summary>How many elements along k a word holds.</summary>
    int PerWord { get; }

    /// <summary>
    /// Rounds elements that are neighbours along k into a word; where a word holds one element, the first.
    /// </summary>
    uint Word(float first, float second);

    /// <summary>Sets all sums to 0. This is called once, before anything else.</summary>
    void Clear();

    /// <summary>Adds A B to the sums of the first row of pieces.</summary>
    void AddToRow0(TensorWords a, TensorWords left, TensorWords right);

    /// <summary>Adds A B to the sums of the second row of pieces.</summary>
    void AddToRow1(TensorWords a, TensorWords left, TensorWords right);

    /// <summary>Adds A B to the sums of the third row of pieces.</summary>
    void AddToRow2(TensorWords a, TensorWords left, TensorWords right);

    /// <summary>Adds A B to the sums of the fourth row of pieces.</summary>
    void AddToRow3(TensorWords a, TensorWords left, TensorWords right);

    /// <summary>The sums of a row of pieces.</summary>
    TensorRow Sums(int row);
}
