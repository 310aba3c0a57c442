using ILGPU.Runtime.Cuda;
using Register = ILGPU.Runtime.Cuda.Output<float>;

namespace VaccineRef.Kernels;

/// <summary>
/// The 64 sums of a lane, in registers that the kernel declares itself. ILGPU would pass several results of one
/// instruction through local memory, where the assembler leaves them, and that would cost more than the multiplication.
/// The declaration must come before everything else in the kernel, outside every branch.
/// </summary>
internal static class TensorSums
{
    /// <summary>The registers of the sixteen pieces.</summary>
    public const string
        P0 = "{sum0, sum1, sum2, sum3}", P1 = "{sum4, sum5, sum6, sum7}",
        P2 = "{sum8, sum9, sum10, sum11}", P3 = "{sum12, sum13, sum14, sum15}",
        P4 = "{sum16, sum17, sum18, sum19}", P5 = "{sum20, sum21, sum22, sum23}",
        P6 = "{sum24, sum25, sum26, sum27}", P7 = "{sum28, sum29, sum30, sum31}",
        P8 = "{sum32, sum33, sum34, sum35}", P9 = "{sum36, sum37, sum38, sum39}",
        P10 = "{sum40, sum41, sum42, sum43}", P11 = "{sum44, sum45, sum46, sum47}",
        P12 = "{sum48, sum49, sum50, sum51}", P13 = "{sum52, sum53, sum54, sum55}",
        P14 = "{sum56, sum57, sum58, sum59}", P15 = "{sum60, sum61, sum62, sum63}";

    private const string Zeros = """
        mov.f32 sum0, 0f00000000; mov.f32 sum1, 0f00000000; mov.f32 sum2, 0f00000000; mov.f32 sum3, 0f00000000;
        mov.f32 sum4, 0f00000000; mov.f32 sum5, 0f00000000; mov.f32 sum6, 0f00000000; mov.f32 sum7, 0f00000000;
        mov.f32 sum8, 0f00000000; mov.f32 sum9, 0f00000000; mov.f32 sum10, 0f00000000; mov.f32 sum11, 0f00000000;
        mov.f32 sum12, 0f00000000; mov.f32 sum13, 0f00000000; mov.f32 sum14, 0f00000000; mov.f32 sum15, 0f00000000;
        mov.f32 sum16, 0f00000000; mov.f32 sum17, 0f00000000; mov.f32 sum18, 0f00000000; mov.f32 sum19, 0f00000000;
        mov.f32 sum20, 0f00000000; mov.f32 sum21, 0f00000000; mov.f32 sum22, 0f00000000; mov.f32 sum23, 0f00000000;
        mov.f32 sum24, 0f00000000; mov.f32 sum25, 0f00000000; mov.f32 sum26, 0f00000000; mov.f32 sum27, 0f00000000;
        mov.f32 sum28, 0f00000000; mov.f32 sum29, 0f00000000; mov.f32 sum30, 0f00000000; mov.f32 sum31, 0f00000000;
        mov.f32 sum32, 0f00000000; mov.f32 sum33, 0f00000000; mov.f32 sum34, 0f00000000; mov.f32 sum35, 0f00000000;
        mov.f32 sum36, 0f00000000; mov.f32 sum37, 0f00000000; mov.f32 sum38, 0f00000000; mov.f32 sum39, 0f00000000;
        mov.f32 sum40, 0f00000000; mov.f32 sum41, 0f00000000; mov.f32 sum42, 0f00000000; mov.f32 sum43, 0f00000000;
        mov.f32 sum44, 0f00000000; mov.f32 sum45, 0f00000000; mov.f32 sum46, 0f00000000; mov.f32 sum47, 0f00000000;
        mov.f32 sum48, 0f00000000; mov.f32 sum49, 0f00000000; mov.f32 sum50, 0f00000000; mov.f32 sum51, 0f00000000;
        mov.f32 sum52, 0f00000000; mov.f32 sum53, 0f00000000; mov.f32 sum54, 0f00000000; mov.f32 sum55, 0f00000000;
        mov.f32 sum56, 0f00000000; mov.f32 sum57, 0f00000000; mov.f32 sum58, 0f00000000; mov.f32 sum59, 0f00000000;
        mov.f32 sum60, 0f00000000; mov.f32 sum61, 0f00000000; mov.f32 sum62, 0f00000000; mov.f32 sum63, 0f00000000;
        """;

    // Moves the registers of a row, in the order of its pieces, to sixteen operands.
    private const string
        Row0 = "mov.f32 %0, sum0; mov.f32 %1, sum1; mov.f32 %2, sum2; mov.f32 %3, sum3; "
            + "mov.f32 %4, sum4; mov.f32 %5, sum5; mov.f32 %6, sum6; mov.f32 %7, sum7; "
            + "mov.f32 %8, sum8; mov.f32 %9, sum9; mov.f32 %10, sum10; mov.f32 %11, sum11; "
            + "mov.f32 %12, sum12; mov.f32 %13, sum13; mov.f32 %14, sum14; mov.f32 %15, sum15;",
        Row1 = "mov.f32 %0, sum16; mov.f32 %1, sum17; mov.f32 %2, sum18; mov.f32 %3, sum19; "
            + "mov.f32 %4, sum20; mov.f32 %5, sum21; mov.f32 %6, sum22; mov.f32 %7, sum23; "
            + "mov.f32 %8, sum24; mov.f32 %9, sum25; mov.f32 %10, sum26; mov.f32 %11, sum27; "
            + "mov.f32 %12, sum28; mov.f32 %13, sum29; mov.f32 %14, sum30; mov.f32 %15, sum31;",
        Row2 = "mov.f32 %0, sum32; mov.f32 %1, sum33; mov.f32 %2, sum34; mov.f32 %3, sum35; "
            + "mov.f32 %4, sum36; mov.f32 %5, sum37; mov.f32 %6, sum38; mov.f32 %7, sum39; "
            + "mov.f32 %8, sum40; mov.f32 %9, sum41; mov.f32 %10, sum42; mov.f32 %11, sum43; "
            + "mov.f32 %12, sum44; mov.f32 %13, sum45; mov.f32 %14, sum46; mov.f32 %15, sum47;",
        Row3 = "mov.f32 %0, sum48; mov.f32 %1, sum49; mov.f32 %2, sum50; mov.f32 %3, sum51; "
            + "mov.f32 %4, sum52; mov.f32 %5, sum53; mov.f32 %6, sum54; mov.f32 %7, sum55; "
            + "mov.f32 %8, sum56; mov.f32 %9, sum57; mov.f32 %10, sum58; mov.f32 %11, sum59; "
            + "mov.f32 %12, sum60; mov.f32 %13, sum61; mov.f32 %14, sum62; mov.f32 %15, sum63;";

    /// <summary>Declares the registers and sets them to 0.</summary>
    public static void Clear()
    {
        CudaAsm.Emit(".reg .f32 sum<64>;");
        CudaAsm.Emit(Zeros);
    }

    /// <summary>Reads the sums of a row of pieces.</summary>
    public static TensorRow Read(int row)
    {
        Register a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default;
        Register b2 = default, b3 = default, c0 = default, c1 = default, c2 = default, c3 = default;
        Register d0 = default, d1 = default, d2 = default, d3 = default;
        if (row == 0)
            CudaAsm.EmitRef(
                Row0, ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3, ref c0,
                ref c1, ref c2, ref c3, ref d0, ref d1, ref d2, ref d3);
        else if (row == 1)
            CudaAsm.EmitRef(
                Row1, ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3, ref c0,
                ref c1, ref c2, ref c3, ref d0, ref d1, ref d2, ref d3);
        else if (row == 2)
            CudaAsm.EmitRef(
                Row2, ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3, ref c0,
                ref c1, ref c2, ref c3, ref d0, ref d1, ref d2, ref d3);
        else
            CudaAsm.EmitRef(
                Row3, ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3, ref c0,
                ref c1, ref c2, ref c3, ref d0, ref d1, ref d2, ref d3);
        return new TensorRow
        {
            First = new() { X = a0.Value, Y = a1.Value, Z = a2.Value, W = a3.Value },
            Second = new() { X = b0.Value, Y = b1.Value, Z = b2.Value, W = b3.Value },
            Third = new() { X = c0.Value, Y = c1.Value, Z = c2.Value, W = c3.Value },
            Fourth = new() { X = d0.Value, Y = d1.Value, Z = d2.Value, W = d3.Value },
        };
    }
}
