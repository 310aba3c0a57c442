using System.Numerics;
using System.Reflection;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;
using VaccineRef.Testing;

namespace VaccineRef.Training.Tests.Training;

/// <summary>
/// Every optimizer against the definition of PyTorch's, one number at a time, and what all of them share: clipping, who
/// decays, who is held, the state that is kept, and the same bits on any number of threads.
/// </summary>
[Properties(MaxTest = 20)]
public sealed class OptimizerLaws(GpuDevices gpus) : IClassFixture<GpuDevices>, IDisposable
{
    // About ten roundings of one update, next to terms of the size of the weight and the learning rate.
    private const double UpdateTolerance = 1e-14;

    // Muon: five rounds of three products, each of at most five terms and two roundings more, of which each round may
    // enlarge an error by the slope at 0, 3.4445: 3.4445^5 * 5 * 3 * 7 * 2^-52.
    private const double MuonTolerance = 485 * 105 * 2.3e-16;

    private const double ClipGuard = 1e-6;      // of torch.nn.utils.clip_grad_norm_

    private const int Steps = 5;

    private readonly CpuDevice _device = new(1);

    public void Dispose() => _device.Dispose();

    public static TheoryData<string> Names => [.. OptimizerCases.All.Select(each => each.Name)];

    [Fact]
    public void Every_optimizer_that_a_recipe_can_name_has_a_line() => Assert.Equal(
        typeof(OptimizerOptions).GetCustomAttributes<JsonDerivedTypeAttribute>()
            .Select(each => (each.DerivedType, (string)each.TypeDiscriminator!)).ToHashSet(),
        OptimizerCases.All.Select(each => (each.Options.GetType(), each.Options.Name())).ToHashSet());

    /// <summary>
    /// With steps in which a parameter is held, which never were for it, and a gradient that is clipped as a whole.
    /// </summary>
    [Property]
    public void Five_steps_are_the_published_equations(ulong seed, byte rate, byte decay, byte clip, ushort pattern) =>
        Assert.All(OptimizerCases.All, each => FiveSteps(each, seed, rate, decay, clip, pattern));

    private void FiveSteps(OptimizerCase each, ulong seed, byte rate, byte decay, byte clip, ushort pattern)
    {
        var options = each.Options with
        {
            LearningRate = (rate + 1) / 1000.0,
            WeightDecay = decay / 256.0,
            MaxGradientNorm = clip / 32.0
        };
        using var memory = new Arena(_device);
        var random = RandomStream.FromSeed(seed);
        var parameters = Parameters<double>(memory, random);
        using var optimizer = new Optimizer<double>(parameters, options, _device);
        OptimizerOracle[] oracles = [.. parameters.Select(each.Oracle)];
        double[][] weights = [.. parameters.Select(p => TinyRun<double>.Values(p.Value))];
        int[] taken = new int[parameters.Length];
        for (int step = 1; step <= Steps; step++)
        {
            double[][] gradients =
                [.. parameters.Select(p => Fill(p.Gradient, random.At("gradient").At(step).At(p.Name)))];
            bool[] held = [.. parameters.Select((_, i) => (pattern >> ((step * 5) + i) % 16 & 1) == 1)];
            double norm = Math.Sqrt(gradients.Sum(g => g.Dot(g))), factor = 1.0 / step;
            Assert.Equal(norm, optimizer.GradientNorm(), UpdateTolerance * norm);
            Assert.Equal(
                options.LearningRate * factor,
                optimizer.Step(step, norm, factor, p => held[Array.IndexOf(parameters, p)]));
            double scale = clip > 0 ? Math.Min(1, options.MaxGradientNorm / (norm + ClipGuard)) : 1;
            for (int i = 0; i < parameters.Length; i++)
            {
                if (!held[i])
                    oracles[i].Step(
                        weights[i], gradients[i].Times(scale), options.LearningRate * factor,
                        parameters[i].Dimensions.Count > 1 ? options.WeightDecay : 0, ++taken[i]);
                double[] found = TinyRun<double>.Values(parameters[i].Value);
                double tolerance =
                    step * (UpdateTolerance + (options is MuonOptions ? options.LearningRate * MuonTolerance : 0));
                for (int k = 0; k < found.Length; k++)
                    Assert.Equal(weights[i][k], found[k], tolerance * (1 + Math.Abs(weights[i][k])));
            }
        }
    }

    /// <summary>
    /// Newton and Schulz's steps leave the directions of a gradient and turn each of its singular values s into
    /// q(q(q(q(q(s / ||s||))))), which lies between 0.6 and 1.3 for values that are not much smaller than the largest.
    /// </summary>
    [Property]
    public void Muon_brings_every_singular_value_near_1(ulong seed, bool tall)
    {
        const int Rank = 3, Long = 5;
        using var memory = new Arena(_device);
        var random = RandomStream.FromSeed(seed);
        double[] values = [.. Enumerable.Range(0, Rank).Select(i => 0.2 + random.At("values").Uniform(i))];
        double[] Made(double[] singular)
        {
            double[] left = Reflection(random.At("left"), Rank), right = Reflection(random.At("right"), Long);
            return [.. Enumerable.Range(0, Rank * Long).Select(at =>
            {
                var (row, column) = tall ? (at % Rank, at / Rank) : (at / Long, at % Long);
                return Enumerable.Range(0, Rank)
                    .Sum(k => left[(row * Rank) + k] * singular[k] * right[(k * Long) + column]);
            })];
        }

        var matrix = Make<double>(memory, "matrix", tall ? [Long, Rank] : [Rank, Long], random);
        matrix.Value.Span.Clear();
        Made(values).CopyTo(matrix.Gradient.Span);
        using var optimizer = new Optimizer<double>([matrix], new MuonOptions(1, MaxGradientNorm: 0), _device);
        optimizer.Step(1, 1, 1);
        double[] turned = [.. values
            .Select(value => Enumerable.Range(0, 5).Aggregate(value / values.Norm(), (x, _) => MuonOracle.Quintic(x)))];
        Assert.All(turned, value => Assert.InRange(value, 0.6, 1.3));
        double[] expected = Made(turned).Times(-Math.Sqrt(tall ? Long / (double)Rank : 1));
        Assert.All(
            expected.Zip(TinyRun<double>.Values(matrix.Value)),
            pair => Assert.Equal(pair.First, pair.Second, 2 * MuonTolerance));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_state_is_as_large_as_it_says(string name)
    {
        var each = OptimizerCases.Named(name);
        using var memory = new Arena(_device);
        var parameters = Parameters<double>(memory, RandomStream.FromSeed(1));
        using var optimizer = new Optimizer<double>(parameters, each.Options, _device);
        long Count(Func<Parameter<double>, bool> which) => parameters.Where(which).Sum(p => p.Shape.Count);
        bool IsMap(Parameter<double> parameter) => parameter.Dimensions.Count > 1 && !parameter.IsTable;
        long state = (each.Kept.Matrix * Count(IsMap)) + (each.Kept.Other * Count(p => !IsMap(p)));
        const int Tallest = 5 * 2, Square = 2 * 2, Widest = 3 * 4, WideSquare = 3 * 3;
        long work = each.Options is MuonOptions ? 2 * Math.Max(Tallest + Square, Widest + WideSquare) : 0;
        Assert.Equal((state + work) * sizeof(double), optimizer.StateBytes);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void One_two_and_three_threads_give_the_same_bits(string name)
    {
        double[] one = Trained<float>(name, new CpuDevice(1), 61);
        Assert.All(one, value => Assert.True(double.IsFinite(value)));
        Assert.Equal(one, Trained<float>(name, new CpuDevice(2), 61));
        Assert.Equal(one, Trained<float>(name, new CpuDevice(3), 61));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Steps_on_a_GPU_equal_the_processors(string name)
    {
        double[] expected = Trained<double>(name, new CpuDevice(1), 1);
        foreach (var gpu in gpus.All)
            Assert.All(
                expected.Zip(Trained<double>(name, gpu, 1)),
                pair => Assert.Equal(
                    pair.First, pair.Second, Steps * (UpdateTolerance + MuonTolerance) * (1 + Math.Abs(pair.First))));
    }

    /// <summary>Checkpoints that were written before there were other optimizers are still read.</summary>
    [Fact]
    public void The_state_of_AdamW_has_the_names_that_it_always_had()
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("vaccineref-").FullName, "state.safetensors");
        using var memory = new Arena(_device);
        var parameter = Make<double>(memory, "w", [2, 3], RandomStream.FromSeed(1));
        using var optimizer = new Optimizer<double>([parameter], new AdamWOptions(0.1), _device);
        KeptState<double>.Write(path, _device, new Dictionary<string, string>(), optimizer.Exchange);
        using (var file = SealedSafetensors.Open(path))
            Assert.Equal(["first.w", "missed", "second.w"], file.Tensors.Keys.Order());
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    [Fact]
    public void The_first_parameter_that_is_not_finite_is_named()
    {
        using var memory = new Arena(_device);
        var parameters = Parameters<double>(memory, RandomStream.FromSeed(5));
        using var optimizer = new Optimizer<double>(parameters, new AdamWOptions(0.1), _device);
        Assert.Null(optimizer.FirstNonFinite());
        parameters[2].Gradient.Span[0] = double.NaN;
        parameters[1].Gradient.Span[1] = double.NegativeInfinity;
        Assert.Equal(parameters[1].Name, optimizer.FirstNonFinite());
        Assert.False(double.IsFinite(optimizer.GradientNorm()));
    }

    [Fact]
    public void Settings_out_of_range_are_errors()
    {
        OptimizerOptions[] bad =
        [
            new SgdOptions(Momentum: 1), new SgdOptions(Momentum: 0.5, Dampening: 2), new SgdOptions(Dampening: 0.5),
            new SgdOptions(Nesterov: true),
            new SgdOptions(Momentum: 0.5, Dampening: 0.5, Nesterov: true), new RmsPropOptions(Alpha: 1),
            new RmsPropOptions(Epsilon: 0),
            new RmsPropOptions(Momentum: -1), new MuonOptions(Momentum: double.NaN), new MuonOptions(AdamFactor: -1),
            new MuonOptions(Beta1: 1),
            new SgdOptions(double.NaN), new RmsPropOptions(WeightDecay: -1), new MuonOptions(MaxGradientNorm: -1),
        ];
        Assert.All(bad, options => Assert.Throws<InputException>(() => new TrainOptions(1, options).Validate()));
        Assert.All(OptimizerCases.All, each => new TrainOptions(1, each.Options).Validate());
    }

    /// <summary>
    /// The weights after some steps on a device, with sizes that are a multiple of those of the other laws.
    /// </summary>
    private static double[] Trained<T>(string name, Device device, int times)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var owned = device as CpuDevice;
        using var memory = new Arena(device);
        var random = RandomStream.FromSeed(7);
        var parameters = Parameters<T>(memory, random, times);
        using var optimizer = new Optimizer<T>(
            parameters, OptimizerCases.Named(name).Options with { LearningRate = 0.02, WeightDecay = 0.1 }, device);
        for (int step = 1; step <= Steps; step++)
        {
            foreach (var parameter in parameters)
                Upload(device, parameter.Gradient, random.At("gradient").At(step).At(parameter.Name));
            optimizer.Step(step, optimizer.GradientNorm(), 1);
        }

        return [.. parameters.SelectMany(parameter =>
        {
            var read = new T[parameter.Shape.Count];
            device.Download(parameter.Value, read);
            return read.Select(double.CreateChecked);
        })];
    }

    /// <summary>A wide and a tall matrix, a table, and a vector.</summary>
    private static Parameter<T>[] Parameters<T>(Arena memory, RandomStream random, int times = 1)
        where T : unmanaged, IFloatingPointIeee754<T> =>
    [
        Make<T>(memory, "wide", [3 * times, 4 * times], random),
        Make<T>(memory, "tall", [5 * times, 2 * times], random),
        Make<T>(memory, "table", [4 * times, 3], random).AsTable(), Make<T>(memory, "vector", [5 * times], random),
    ];

    private static Parameter<T> Make<T>(Arena memory, string name, int[] dimensions, RandomStream random)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var parameter = Parameter.Make<T>(memory, name, dimensions);
        Upload(memory.Device, parameter.Value, random.At(name));
        parameter.Train(memory);
        return parameter;
    }

    private static void Upload<T>(Device device, View<T> view, RandomStream random)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        device.Upload<T>([.. Draw(random, (int)view.Shape.Count).Select(T.CreateChecked)], view);

    private static double[] Fill(View<double> view, RandomStream random)
    {
        double[] values = Draw(random, view.Span.Length);
        values.CopyTo(view.Span);
        return values;
    }

    private static double[] Draw(RandomStream random, int count) =>
        [.. Enumerable.Range(0, count).Select(i => random.Normal(i))];

    /// <summary>An orthogonal matrix: I - 2 v v' / ||v||^2.</summary>
    private static double[] Reflection(RandomStream random, int size)
    {
        double[] v = Draw(random, size);
        return [.. Enumerable.Range(0, size * size)
            .Select(at => (at / size == at % size ? 1 : 0) - (2 * v[at / size] * v[at % size] / v.Dot(v)))];
    }
}
