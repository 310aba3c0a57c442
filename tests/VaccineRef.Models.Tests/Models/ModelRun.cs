using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models.Tests;

/// <summary>What the tests ask of a model, each on a tape of its own.</summary>
internal static class ModelRun
{
    extension<T>(Model<T> model) where T : unmanaged, IFloatingPointIeee754<T>
    {
        /// <summary>The logits of every row.</summary>
        public double[] Logits(PackedBatch batch, ITap<T>? tap = null)
        {
            using var tape = new Tape<T>(model.Device);
            var hidden = model.Network.Forward(new(tape, tap ?? new NoTap<T>()), batch);
            return Numbers(tape.Apply(new Linear<T>(), [hidden, tape.Of(model.Network.Head)]).Value);
        }

        /// <summary>The loss of every row.</summary>
        public double[] TokenLosses(PackedBatch batch)
        {
            using var tape = new Tape<T>(model.Device);
            var hidden = model.Network.Forward(new(tape, new NoTap<T>()), batch);
            var loss = new CrossEntropy<T>(Reduction.None);
            return Numbers(tape.Apply(loss, [hidden, tape.Of(model.Network.Head)], batch.Targets).Value);
        }

        /// <summary>The mean loss; its gradients are added where parameters are trained.</summary>
        public double Loss(PackedBatch batch, bool training = false, RandomStream random = default)
        {
            using var tape = new Tape<T>(model.Device);
            var hidden = model.Network.Forward(new(tape, new NoTap<T>(), random, training), batch);
            var loss = tape.Apply(new CrossEntropy<T>(), [hidden, tape.Of(model.Network.Head)], batch.Targets);
            if (model.Trainable.Any(parameter => parameter.IsTrainable))
                tape.BackwardToParameters(loss);
            return Numbers(loss.Value)[0];
        }
    }

    /// <summary>The numbers of a view.</summary>
    public static double[] Numbers<T>(View<T> view) where T : unmanaged, IFloatingPointIeee754<T> =>
        [.. view.Span.ToArray().Select(double.CreateChecked)];

    /// <summary>A small LoRA on every linear layer.</summary>
    public static AdapterConfig AllLinear(int rank = 2) => new(rank, 3, TargetModules.AllLinear);
}
