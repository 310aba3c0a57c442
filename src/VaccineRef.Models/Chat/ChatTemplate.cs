using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using VaccineRef.Models.Chat;
using VaccineRef.Models.Chat.Jinja;

namespace VaccineRef.Models;

/// <summary>
/// The text around the turns of a conversation: the model's own template, a checked subset of Jinja2, or a built-in
/// one. What a template uses and this subset lacks is named with its line when the template is read. Source:
/// transformers, utils/chat_template_utils.py, which renders with trim_blocks and lstrip_blocks.
/// </summary>
public sealed class ChatTemplate
{
    /// <summary>
    /// The id that means the template in the model's own folder; "model:NAME" where the folder names several.
    /// </summary>
    public const string OfModel = "model";

    private readonly IReadOnlyList<JinjaNode> _nodes;
    private readonly ChatTokens _tokens;

    private ChatTemplate(string id, string name, string text, ChatTokens tokens)
    {
        (Id, Name, Text, _tokens) = (id, name, text, tokens);
        _nodes = JinjaParser.Parse(name, text);
    }

    /// <summary>The ids of the built-in templates.</summary>
    public static ImmutableArray<string> BuiltIn { get; } =
    [
        "llama2", "llama3", "vicuna", "mistral", "chatml", "alpaca",
    ];

    /// <summary>What an id may be, but for "model:NAME".</summary>
    public static ImmutableArray<string> Ids { get; } = [OfModel, .. BuiltIn];

    /// <summary>Whether an id names a chat template: one of <see cref="Ids"/>, or "model:NAME".</summary>
    public static bool IsId(string id) => BuiltIn.Contains(id) || IsOfModel(id);

    private static bool IsOfModel(string id) => id == OfModel || id.StartsWith(OfModel + ":", StringComparison.Ordinal);

    /// <summary>
    /// The id that reports show: that of a built-in template, or "model:" and the beginning of the text's hash, so that
    /// equal ids mean equal templates.
    /// </summary>
    public string Id { get; }

    /// <summary>Where the text is from, as errors call it.</summary>
    public string Name { get; }

    /// <summary>The text of the template.</summary>
    public string Text { get; }

    /// <summary>
    /// Reads the template of a model's folder, or a built-in one, with the tokens that the folder names.
    /// </summary>
    /// <param name="folder">The folder of the model's tokenizer.</param>
    /// <param name="id">"model", "model:NAME", or the id of a built-in template.</param>
    /// <exception cref="ChatTemplateException">
    /// There is no such template, or it uses something that is not supported.
    /// </exception>
    /// <exception cref="TokenizerException">A file of the tokenizer is broken.</exception>
    public static ChatTemplate Load(string folder, string id = OfModel)
    {
        var tokens = ChatTokens.Of(folder);
        if (!IsOfModel(id))
            return Get(id, tokens);
        var (name, text) = ChatTemplateFiles.Find(folder, id == OfModel ? null : id[(OfModel.Length + 1)..]);
        string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 6));
        return new($"{OfModel}:{hash}", name, text, tokens);
    }

    /// <summary>A built-in template, for a model with these tokens.</summary>
    /// <exception cref="ChatTemplateException">There is no such template.</exception>
    public static ChatTemplate Get(string id, ChatTokens tokens) => BuiltIn.Contains(id)
        ? new(id, id, ChatTemplateFiles.BuiltIn(id), tokens)
        : throw new ChatTemplateException(
            "there is no such chat template", found: id, expected: string.Join(", ", Ids));

    /// <summary>A template from its text.</summary>
    /// <exception cref="ChatTemplateException">
    /// The text is no template, or it uses something that is not supported.
    /// </exception>
    public static ChatTemplate Parse(string text, ChatTokens tokens, string name = "template") =>
        new(name, name, text, tokens);

    /// <summary>The text of a conversation.</summary>
    /// <param name="messages">The turns.</param>
    /// <param name="addGenerationPrompt">Whether the text ends where the model begins to answer.</param>
    /// <exception cref="ChatTemplateException">
    /// The template refuses the conversation, errs, or exceeds a limit.
    /// </exception>
    public string Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt) =>
        RenderMarked(messages, addGenerationPrompt).Text;

    /// <summary>
    /// As <see cref="Render"/>, with the parts of the text that the template marks by {% generation %}.
    /// </summary>
    /// <exception cref="ChatTemplateException">
    /// The template refuses the conversation, errs, or exceeds a limit.
    /// </exception>
    public (string Text, IReadOnlyList<(int Start, int End)> Generated) RenderMarked(
        IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt)
    {
        var turns = messages.Select(message => (object?)new OrderedDictionary<string, object?> { ["role"] = message.Role, ["content"] = message.Content });
        KeyValuePair<string, object?>[] variables =
        [
            new("messages", turns.ToList()), new("tools", null), new("documents", null),
            new("add_generation_prompt", addGenerationPrompt),
            .. _tokens.Variables(),
        ];
        return new JinjaRenderer(Name).Render(_nodes, variables);
    }
}
