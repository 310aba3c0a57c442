using System.Text;
using System.Text.Json.Nodes;
using VaccineRef.Core;

namespace VaccineRef.Models.Tests;

/// <summary>Writes model folders as others write them.</summary>
internal static class ModelFiles
{
    /// <summary>A configuration in memory.</summary>
    public static ConfigReader Config(JsonObject json) =>
        ConfigReader.Parse(Encoding.UTF8.GetBytes(json.ToJsonString()));

    /// <summary>A parameter as a tensor, under another name or type if asked.</summary>
    public static TensorData Tensor(
        Parameter<double> parameter, string? name = null, TensorType type = TensorType.F64) =>
        TensorData.Floats<double>(
            name ?? parameter.Name, type, [.. parameter.Dimensions], ModelRun.Numbers(parameter.Value));

    /// <summary>All parameters of a model as tensors, under their own names and in their own type.</summary>
    public static IEnumerable<TensorData> Tensors(Model<double> model) =>
        model.Network.Parameters.Select(parameter => Tensor(parameter));

    /// <summary>A folder with config.json and model.safetensors.</summary>
    public static string Write(TempFolder folder, string name, JsonObject config, IEnumerable<TensorData> tensors)
    {
        string path = Directory.CreateDirectory(folder.File(name)).FullName;
        File.WriteAllText(Path.Combine(path, "config.json"), config.ToJsonString());
        SafetensorsWriter.Write(Path.Combine(path, "model.safetensors"), [.. tensors]);
        return path;
    }
}
