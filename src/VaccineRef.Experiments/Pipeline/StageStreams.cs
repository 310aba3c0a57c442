using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>The data beside the batches of a stage, ready to be drawn from.</summary>
internal static class StageStreams
{
    /// <summary>Every stream of a stage, from its beginning, each in an order of its own.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="reader">Reads the rows.</param>
    /// <param name="random">The random numbers of the trial.</param>
    public static Dictionary<string, BatchStream> Of(TrainStageOptions stage, DataReader reader, RandomStream random) =>
        (stage.Streams
            ?? new Dictionary<string, StreamOptions>()).ToDictionary(stream => stream.Key, stream => new BatchStream(
            reader.Stream(stage, stream.Key),
            stream.Value.BatchSize > 0 ? stream.Value.BatchSize : stage.Training.BatchSize,
            random.At(stage.Name).At("streams").At(stream.Key)));
}
